"""Remote commands through pipes: stdout is data only, errors are one line, exit codes tell what happened."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.remote.conftest import Run
from tests.client.misbehaving import Server, answer, events

pytestmark = pytest.mark.server

AGENTS = {"agents": [{"id": "agt_1", "name": "Support", "model": "extractive", "status": "active"}]}


def test_list_is_a_table(server: Server, run: Run) -> None:
    server.will(answer(AGENTS))
    outcome = run("agents", "list")
    assert outcome.out == "ID     NAME     MODEL       STATUS  UPDATED AT\nagt_1  Support  extractive  active  -\n"
    assert outcome.err == ""


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("name", "agt_1\n"),
        ("json", json.dumps(AGENTS, indent=2) + "\n"),
    ],
)
def test_list_has_other_forms(server: Server, run: Run, form: str, expected: str) -> None:
    server.will(answer(AGENTS))
    assert run("agents", "list", "-o", form).out == expected


def test_yaml_is_plain(server: Server, run: Run) -> None:
    server.will(answer(AGENTS))
    assert run("agents", "list", "-o", "yaml").out.startswith("- id: agt_1\n  name: Support\n")


@pytest.mark.parametrize(
    ("status", "headers", "code", "exit_code"),
    [
        (401, {}, "unauthorized", 4),
        (403, {}, "forbidden", 4),
        (404, {}, "not_found", 1),
        (429, {"retry_after": "90"}, "rate_limited", 7),
    ],
)
def test_failure_is_one_line_and_an_exit_code(server: Server, run: Run, status, headers, code, exit_code) -> None:
    server.will(answer({"error": "No", "message": "Not today.", "code": code}, status, **headers))
    outcome = run("status", "--json")
    assert (outcome.status, outcome.out) == (exit_code, "")
    error = json.loads(outcome.err)["error"]
    assert (error["code"], error["message"]) == (code, "Not today.")
    assert run("status").err.startswith("trivium: Not today.")


def test_wrong_usage_is_told(run: Run) -> None:
    outcome = run("agents", "create", "--wibble", "-o", "json")
    assert outcome.status == 2
    assert json.loads(outcome.err)["error"]["code"] == "usage"


def test_missing_key_is_a_matter_of_configuration(run: Run) -> None:
    outcome = run("status", WISEBOT_ACCESS_TOKEN="")
    assert outcome.status == 3
    assert "trivium login" in outcome.err


def test_server_that_is_away_is_told(run: Run) -> None:
    outcome = run("status", "--url", "http://127.0.0.1:9")
    assert outcome.status == 1
    assert "Is the server running" in outcome.err


def test_reader_that_leaves_ends_the_program_quietly(server: Server, environment) -> None:
    many = {"agents": [{"id": f"agt_{number}", "name": "x" * 200} for number in range(20_000)]}
    server.will(answer(many))
    line = f"{sys.executable} -m trivium.cli.main agents list -o name | head -n 1"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, timeout=30, env=environment, check=False
    )
    assert (done.stdout, done.stderr) == ("agt_0\n", "")


def test_deleting_needs_a_yes(server: Server, run: Run) -> None:
    server.will(answer(AGENTS["agents"][0]))
    outcome = run("agents", "delete", "agt_1")
    assert outcome.status == 2
    assert "say --yes" in outcome.err
    assert run("agents", "delete", "agt_1", "--yes").status == 0
    assert [asked.method for asked in server.asked] == ["GET", "GET", "DELETE"]


def test_task_streams_the_answer(server: Server, run: Run) -> None:
    piece = {"token": "30 days", "agent_step": "TYPING_TEXT", "finish_reason": "null"}
    server.will(events((1, piece), (2, {"token": "", "agent_step": "END", "finish_reason": "stop"})))
    assert run("task", "new", "How long?").out == "30 days\n"
    assert run("task", "new", stdin="How long?\n").out == "30 days\n"
    assert server.asked[0].headers["x-wabee-access"] == "wabee_1"


def test_followup_goes_on(server: Server, run: Run) -> None:
    server.will(answer({"body": {"output": "Yes."}, "session_id": "s1"}))
    assert run("task", "followup", "-s", "s1", "And gifts?", "--no-stream").out == "Yes.\n"
    assert server.asked[0].headers["session-id"] == "s1"


def test_workflow_takes_its_inputs_from_anywhere(server: Server, run: Run) -> None:
    server.will(answer({"ok": True, "runId": "run_1", "result": 1, "error": None}))
    run("workflow", "run", "wf_1", "--data", '{"a": 1}', "--input", "message=hi")
    run("workflow", "run", "wf_1", stdin='{"a": 2}')
    assert [asked.json() for asked in server.asked] == [{"inputs": {"a": 1, "message": "hi"}}, {"inputs": {"a": 2}}]


def test_run_that_failed_is_an_exit_code(server: Server, run: Run) -> None:
    server.will(answer({"ok": False, "runId": "run_1", "result": None, "error": "Step http failed."}))
    outcome = run("workflow", "run", "wf_1", "-o", "json")
    assert outcome.status == 1
    assert outcome.json["runId"] == "run_1"
    assert json.loads(outcome.err)["error"]["message"] == "Step http failed."


def test_trigger_prints_the_answer_as_it_came(server: Server, run: Run) -> None:
    server.will(answer({"ok": True, "runId": "run_1"}))
    outcome = run("workflow", "trigger", "wf_1", "--data", '{"message": "hi"}', WISEBOT_WORKFLOW_SECRET="wfs_1")
    assert outcome.out == '{"ok": true, "runId": "run_1"}\n'
    (asked,) = server.asked
    assert (asked.query, asked.headers["authorization"]) == ({"workflowId": "wf_1"}, "Bearer wfs_1")
    assert asked.json() == {"message": "hi"}


def test_upload_tells_what_it_made(server: Server, run: Run, tmp_path) -> None:
    (tmp_path / "a.txt").write_text("hello")
    server.will(answer({"id": "kf_1", "name": "a.txt", "status": "processing", "url": "/f"}, 201))
    assert run("knowledge", "upload", "a.txt", "-o", "name").out == "a.txt\n"
    assert run("knowledge", "upload", "missing.txt").err == "trivium: missing.txt: No such file or directory\n"


def test_chat_answers_each_line_of_a_pipe(server: Server, run: Run) -> None:
    session = {"contactSessionId": "c", "conversationId": "v", "threadId": "t", "greetingMessage": "Hi"}
    told = events(
        (1, {"type": "text-delta", "delta": "30 days"}),
        (2, {"type": "finish", "fullText": "30 days", "sources": [{"name": "refund-policy.pdf"}]}),
    )
    server.will(answer(session), told)
    assert run("chat", stdin="How long?\n\nAnd gifts?\n").out == "30 days\nSources: refund-policy.pdf\n" * 2
    assert [asked.json()["prompt"] for asked in server.asked[1:]] == ["How long?", "And gifts?"]


def test_logs_are_lines(server: Server, run: Run) -> None:
    server.will(answer({"lines": ["one", "two"]}))
    assert run("logs").out == "one\ntwo\n"
    assert server.asked[0].query == {"limit": "20"}


def test_contexts_keep_servers_and_hide_secrets(server: Server, run: Run, tmp_path) -> None:
    bare = {"WISEBOTAI_BASE_URL": "", "WISEBOT_ACCESS_TOKEN": ""}
    assert run("context", "set", "staging", f"url={server.url}", "auth-token=wb_live_secret_key_1").status == 0
    assert (tmp_path / "contexts.toml").stat().st_mode & 0o077 == 0
    shown = run("context", "show", "staging").out
    assert "secret" not in shown
    assert server.url in shown
    server.will(answer(AGENTS))
    assert run("agents", "list", "-o", "name", **bare).out == "agt_1\n"
    assert server.asked[0].headers["authorization"] == "Bearer wb_live_secret_key_1"
    assert run("context", "use", "nowhere").err.startswith("trivium: There is no context 'nowhere'.")


def test_login_keeps_the_token(server: Server, run: Run) -> None:
    me = {"kind": "device", "email": "owner@example.com", "organization": {"id": "org_1", "name": "Acme"}}
    server.will(answer({"token": "tdk_live_new", "expiresAt": "2026-12-01T00:00:00Z"}), answer(me), answer(AGENTS))
    words = ("login", "--email", "owner@example.com", "--device", "ann@laptop")
    assert run(*words, stdin="correct horse\n").status == 0
    assert server.asked[0].json() == {
        "email": "owner@example.com",
        "password": "correct horse",
        "device": "ann@laptop",
    }
    run("agents", "list", "--context", "default")
    assert server.asked[2].headers["authorization"] == "Bearer tdk_live_new"


def test_event_is_sent_signed(server: Server, run: Run) -> None:
    from trivium_client import webhooks

    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    outcome = run("trigger", "message.created", "--to", f"{server.url}/hook", "--secret", secret)
    assert "  message.created  200  " in outcome.out
    (asked,) = server.asked
    assert webhooks.unwrap(asked.body, asked.headers, secret)["type"] == "message.created"


@pytest.mark.parametrize(
    "words", [["status"], ["agents", "list"], ["api-keys", "list"], ["webhooks", "list"], ["knowledge", "list"]]
)
def test_wisebot_prints_json_as_documented(server: Server, run: Run, words: list[str]) -> None:
    body = {**AGENTS, "keys": [], "webhooks": [], "files": [], "ok": True}
    server.will(answer(body))
    assert run(*words, module="wisebot").json == body


def test_wisebot_has_the_documented_exit_codes(server: Server, run: Run) -> None:
    server.will(answer({"error": "Unauthorized", "message": "No.", "code": "unauthorized"}, 401))
    assert run("status", module="wisebot").status == 1
    assert run("wibble", module="wisebot").status == 2
    assert run("status", module="wisebot", WISEBOT_ACCESS_TOKEN="").status == 3
    assert run(module="wisebot").out.startswith("Usage: wisebot")
    assert run("status", module="wisebot", WISEBOT_ACCESS_TOKEN="", WISE_KEY="wb_live_1").status == 1
    assert server.asked[-1].headers["authorization"] == "Bearer wb_live_1"


def test_what_was_not_found_is_said_once(server: Server, run: Run) -> None:
    body = {
        "error": "Not Found",
        "message": "No run 'x'.",
        "code": "not_found",
        "details": {"kind": "run", "name": "x"},
    }
    server.will(answer(body, 404))
    assert run("runs", "show", "x").err == "trivium: No run 'x'.\n"


def test_message_and_hint_are_two_sentences(run: Run) -> None:
    outcome = run("status", WISEBOTAI_BASE_URL="http://127.0.0.1:1")
    assert "refused. Is the server running" in outcome.err


def test_switches_follow_option_then_environment_then_file(server: Server, run: Run) -> None:
    assert run("config", "set", "stream", "false").status == 0
    whole = answer({"body": {"output": "All at once."}})
    told = events((1, {"token": "x", "agent_step": "END", "finish_reason": "stop"}))
    server.will(whole, told, told)
    assert run("task", "new", "Why?").out == "All at once.\n"
    run("task", "new", "Why?", TRIVIUM_STREAM="true")
    run("task", "new", "Why?", "--stream", TRIVIUM_STREAM="false")
    asked = [one.path.rpartition("/")[2] for one in server.asked]
    assert asked == ["chain", "chain_streaming", "chain_streaming"]


@pytest.mark.parametrize(
    ("key", "value"), [("stream", "maybe"), ("color", "blue"), ("timeout", "soon"), ("timeout", "-1"), ("url", "x")]
)
def test_values_that_cannot_be_used_are_not_kept(run: Run, key: str, value: str, tmp_path: Path) -> None:
    assert run("config", "set", key, value).status == 2
    assert not (tmp_path / "contexts.toml").exists()


def test_a_file_of_wabees_client_is_read_and_kept(server: Server, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "default_profile: work\ndefaults: {timeout: 30s, output: yaml}\n"
        f"profiles:\n  work: {{endpoint: '{server.url}', api_key: wab_1}}\n"
        "  home: {endpoint: 'http://h', theme: dark}\n"
    )
    server.will(answer({"status": "healthy", "version": "1"}))
    plain = {"WABEE_API_KEY": "", "WISEBOTAI_BASE_URL": "", "WISEBOT_ACCESS_TOKEN": "", "TRIVIUM_CONTEXTS": ""}
    assert "status: healthy" in run("agent", "health", "--config", str(file), **plain).out
    assert server.asked[0].headers["x-wabee-access"] == "wab_1"
    names = run("config", "profile", "list", "-o", "name", WABEE_CONFIG=str(file), **plain).out
    assert names == "home\nwork\n"
    assert run("context", "use", "home", f"--config={file}").status == 0
    assert "default_profile: home" in file.read_text()
    assert oct(file.stat().st_mode)[-3:] == "600"


def test_verbose_says_who_is_asked(server: Server, run: Run) -> None:
    server.will(answer({"agents": []}))
    assert run("agents", "list", "-v").err == f"trivium: asking {server.url}\n"
