"""Remote commands on a terminal."""

import json

import pytest

from tests.client.misbehaving import Reply, Server, answer, events

pytestmark = pytest.mark.server

SESSION = {"contactSessionId": "c", "conversationId": "v", "threadId": "t", "greetingMessage": "Hi there"}


def test_table_fits_a_narrow_terminal(server: Server, terminal) -> None:
    server.will(answer({"agents": [{"id": "agt_1", "name": "Support " * 20, "model": "m", "status": "active"}]}))
    screen = terminal("agents", "list", columns=60)
    assert screen.ended() == 0
    assert all(len(line) <= 60 + len("\x1b[1m\x1b[0m") for line in screen.shown.splitlines())
    assert "…" in screen.shown


def test_colour_can_be_switched_off(server: Server, terminal) -> None:
    server.will(answer({"agents": []}))
    assert "\x1b[1m" in terminal("agents", "list").until("MODEL")
    for screen in (terminal("agents", "list", NO_COLOR="1"), terminal("agents", "list", "--no-color")):
        assert screen.ended() == 0
        assert "\x1b[" not in screen.shown


def test_deleting_asks(server: Server, terminal) -> None:
    server.will(answer({"id": "agt_1", "name": "Support"}))
    screen = terminal("agents", "delete", "agt_1")
    screen.until("Delete the agent 'Support' (agt_1)? [y/N]")
    screen.type("n\n")
    assert screen.ended() == 1
    assert [asked.method for asked in server.asked] == ["GET"]


def test_upload_shows_a_bar(server: Server, terminal, tmp_path) -> None:
    file = tmp_path / "big.txt"
    file.write_bytes(b"x" * 3_000_000)
    server.will(answer({"id": "kf_1", "name": "big.txt", "url": "/f"}, 201))
    screen = terminal("knowledge", "upload", str(file))
    assert screen.ended() == 0
    assert "100%" in screen.shown
    quiet = terminal("knowledge", "upload", str(file), "--quiet")
    assert quiet.ended() == 0
    assert "%" not in quiet.shown


def test_chat_renders_answers_and_survives_an_interrupt(server: Server, terminal) -> None:
    begun = {"type": "text-delta", "delta": "Let me **think**"}
    endless = Reply(
        body=f"id: 1\ndata: {json.dumps(begun)}\n\n".encode(),
        headers={"content-type": "text/event-stream", "run-id": "run_1"},
        stalls=True,
    )
    told = events((1, {"type": "text-delta", "delta": "# 30 days"}), (2, {"type": "finish", "fullText": "# 30 days"}))
    server.will(answer(SESSION), endless, answer({}), told)
    screen = terminal("chat")
    screen.until("you:")
    assert "Hi there" in screen.shown
    screen.type("How long?\n")
    screen.until("think")
    screen.type("\x03")
    screen.until("Stopped.")
    screen.until("you:")
    screen.type("Again?\n")
    screen.until("30 days")
    screen.until("you:")
    screen.type("\x04")
    assert screen.ended() == 0
    assert "**think**" not in screen.shown
    assert [asked.path for asked in server.asked][2] == "/api/v1/agent-runs/run_1/cancel"


def test_several_lines_are_one_question(server: Server, terminal) -> None:
    told = events((1, {"type": "finish", "fullText": "Both."}))
    server.will(answer(SESSION), told, told)
    screen = terminal("chat")
    screen.until("you:")
    screen.type("/help\n")
    screen.until("End a line with")
    screen.until("you:")
    screen.type("/what\n")
    screen.until("There is no command /what")
    screen.until("you:")
    screen.type("First\\\n")
    screen.until("...:")
    screen.type("second\n")
    screen.until("Both.")
    screen.until("you:")
    screen.type('"""\n')
    screen.until("...:")
    screen.type("one\n")
    screen.until("...:")
    screen.type('two\n"""\n')
    screen.until("Both.")
    screen.until("you:")
    screen.type("/quit\n")
    assert screen.ended() == 0
    assert [asked.json()["prompt"] for asked in server.asked[1:]] == ["First\nsecond", "one\ntwo"]


def test_a_context_may_want_no_colour(server: Server, terminal) -> None:
    server.will(answer({"agents": []}))
    screen = terminal("agents", "list", TRIVIUM_COLOR="false")
    assert screen.ended() == 0
    assert "\x1b[" not in screen.shown
    dumb = terminal("agents", "list", TRIVIUM_COLOR="true", NO_COLOR="1")
    assert dumb.ended() == 0
    assert "\x1b[" not in dumb.shown


def test_narrow_terminal_gets_a_narrow_list_of_runs(server: Server, terminal) -> None:
    ids = dict.fromkeys(("conversationId", "requestId", "channel", "model", "startedAt", "finishedAt"), "2026-01-01")
    run = {**ids, "id": "run_1", "status": "failed", "agentId": "agt_1", "error": "The model did not answer in time."}
    run = {**run, "createdAt": "2026-01-01"}
    server_run: dict[str, object] = {**run, "eventCount": 3}
    server.will(answer({"runs": [server_run]}), answer({"runs": []}))
    screen = terminal("runs", "list", columns=40)
    assert screen.ended() == 0
    assert all(len(line.replace("\x1b[1m", "").replace("\x1b[0m", "")) <= 40 for line in screen.shown.splitlines())


def test_password_is_asked_for_and_not_shown(server: Server, terminal) -> None:
    me = {"kind": "device", "email": "ann@example.com", "organization": {"id": "org_1", "name": "Acme"}}
    server.will(answer({"token": "tdk_live_new"}), answer(me))
    screen = terminal("login", "--email", "ann@example.com")
    screen.until("Password:")
    screen.type("correct horse\n")
    screen.until("Signed in as ann@example.com in Acme")
    assert screen.ended() == 0
    assert "horse" not in screen.shown
    assert server.asked[0].json()["password"] == "correct horse"
