"""`trivium serve` and `trivium demo` as programs."""

import json
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import httpx2
import pytest

from trivium.cli._sample import read_env

pytestmark = pytest.mark.server
VARIABLES = {
    "WISEBOTAI_BASE_URL",
    "WISEBOT_ACCESS_TOKEN",
    "WISEBOT_WORKFLOW_ID",
    "WISEBOT_WORKFLOW_SECRET",
    "WISEBOT_WORKFLOW_TRIGGER_ORIGIN",
    "WISE_KEY",
    "WIZCHAT_API_KEY",
    "WIZCHAT_BASE_URL",
    "WABEE_API_KEY",
    "WABEE_ENDPOINT",
}


@contextmanager
def running(*words: str) -> Generator[tuple[subprocess.Popen[str], list[str]], None, None]:
    """A server as a program, and what it printed until it was ready."""
    line = [sys.executable, "-m", "trivium.cli.main", *words]
    server = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert server.stdout is not None
    printed: list[str] = []
    try:
        for text in server.stdout:
            printed.append(text)
            if "is ready on" in text:
                break
        yield server, printed
    finally:
        server.send_signal(signal.SIGTERM)
        printed += server.communicate(timeout=30)[0].splitlines()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[str, Path], None, None]:
    """The address of a server that runs, and its data folder."""
    folder = tmp_path_factory.mktemp("serve") / "data"
    with running("serve", "--port", "0", "--data", str(folder)) as (program, printed):
        url = printed[-1].split()[-1]
        assert printed == [f"Trivium is ready on {url}\n"]
        yield url, folder
    assert program.returncode in (0, -signal.SIGTERM)


def test_a_server_that_is_ready_answers(server: tuple[str, Path]) -> None:
    with urlopen(f"{server[0]}/core/v1/health", timeout=10) as answer:
        assert answer.status == 200


def test_one_server_per_data_folder(server: tuple[str, Path]) -> None:
    with running("serve", "--port", "0", "--data", str(server[1])) as (second, printed):
        assert second.wait(timeout=30) == 1
        assert "Another server uses" in printed[0]


def test_a_taken_port_is_told_with_a_way_out(server: tuple[str, Path], tmp_path: Path) -> None:
    port = server[0].rpartition(":")[2]
    with running("serve", "--port", port, "--data", str(tmp_path)) as (second, printed):
        assert second.wait(timeout=30) == 1
        assert "--port" in printed[0]


def test_the_demo_keeps_its_keys_and_follows_its_port(data: Path) -> None:
    with running("demo", "--port", "0"):
        first = read_env(data / "demo.env")
    with running("demo", "--port", "0") as (_, printed):
        second = read_env(data / "demo.env")
        assert second["WABEE_ENDPOINT"] == printed[-1].split()[-1]
        triggered = httpx2.post(
            f"{second['WISEBOT_WORKFLOW_TRIGGER_ORIGIN']}/workflows/trigger",
            params={"workflowId": second["WISEBOT_WORKFLOW_ID"]},
            headers={"Authorization": f"Bearer {second['WISEBOT_WORKFLOW_SECRET']}"},
            json={"message": "hello"},
            timeout=30,
        )
        assert triggered.json()["result"]["message"] == "hello"
    assert set(first) == VARIABLES
    assert (data / "demo.env").stat().st_mode & 0o777 == 0o600
    secrets = ("WISEBOT_ACCESS_TOKEN", "WISE_KEY", "WIZCHAT_API_KEY", "WABEE_API_KEY", "WISEBOT_WORKFLOW_SECRET")
    for name in secrets:
        assert first[name] == second[name]


def test_the_command_that_the_demo_prints_answers_with_its_source(data: Path) -> None:
    with running("demo", "--port", "0") as (server, printed):
        assert server.stdout is not None
        for text in server.stdout:
            printed.append(text)
            if text.startswith("  -H 'content-type"):
                break
        pasted = "".join(printed).partition("\n\n")[2]
        done = subprocess.run(["bash", "-c", pasted], capture_output=True, text=True, timeout=60, check=True)
    output = json.loads(done.stdout)["body"]["output"]
    assert "30 days" in output
    assert "acme-refund-policy.pdf" in output


def test_the_published_examples_run_against_a_fresh_demo(data: Path) -> None:
    with running("demo", "--port", "0"):
        env = read_env(data / "demo.env")
        bearer = {"Authorization": f"Bearer {env['WISE_KEY']}"}
        with httpx2.Client(base_url=env["WISEBOTAI_BASE_URL"], headers=bearer, timeout=60) as wisebot:
            file = {"file": ("refund-policy.pdf", b"%PDF-1.4 a policy of one's own", "application/pdf")}
            uploaded = wisebot.post("/api/v1/knowledge-files", files=file, data={"folderPath": "Legal"})
            tools = [{"type": "knowledge_base", "config": {"label": "refund-policy.pdf"}}]
            agent = wisebot.post("/api/v1/agents", json={"name": "Support bot", "model": "gpt-4o-mini", "tools": tools})
        assert agent.status_code == 201
        assert agent.json()["tools"][0]["config"]["fileId"] == uploaded.json()["id"]
        question = {
            "messages": [{"content": "What is the economic outlook?", "role": "user"}],
            "context_files": ["inputs/chat-files/test123/file.pdf"],
        }
        keys = {"x-wabee-access": env["WABEE_API_KEY"], "session-id": ""}
        answer = httpx2.post(f"{env['WABEE_ENDPOINT']}/core/v1/chain", headers=keys, json=question, timeout=60)
        assert answer.status_code == 200
        assert "cautious" in answer.json()["output"]
