"""Log lines: they name their request and quote nobody."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from trivium.cli import _logs
from trivium.cli._sample import read_env
from trivium.contracts.http import current_request_id

MARKER = "words-of-a-visitor"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What is logged as JSON; logging is afterwards as it was."""
    root, ours = logging.getLogger(), logging.getLogger("trivium")
    before = (root.handlers[:], root.level, ours.level)
    written = io.StringIO()
    monkeypatch.setattr(sys, "stderr", written)
    _logs.set_up_logs("debug", "json")
    yield written
    root.handlers[:], level, our_level = before
    root.setLevel(level)
    ours.setLevel(our_level)


def test_a_line_names_its_request(lines: io.StringIO) -> None:
    token = current_request_id.set("req-7")
    logging.getLogger("trivium.some").debug("A step.", extra={"run": "r1"})
    current_request_id.reset(token)
    logging.getLogger("trivium.some").warning("No request.")
    first, second = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert (first["request_id"], first["run"], first["level"]) == ("req-7", "r1", "debug")
    assert "request_id" not in second


def test_a_traceback_quotes_nobody(lines: io.StringIO) -> None:
    try:
        try:
            int(MARKER)
        except ValueError as error:
            raise ExceptionGroup(MARKER, [KeyError(MARKER)]) from error
    except ExceptionGroup:
        logging.getLogger("trivium.some").exception("It failed.")
    line = json.loads(lines.getvalue())
    assert "ValueError" in line["traceback"]
    assert "KeyError" in line["traceback"]
    assert "test_logs.py" in line["traceback"]
    assert MARKER not in lines.getvalue()


def test_what_an_error_says_is_shown_when_asked() -> None:
    told = ""
    try:
        int(MARKER)
    except ValueError as error:
        told = _logs.JsonLines(with_content=True).formatException((ValueError, error, error.__traceback__))
    assert MARKER in told


@pytest.mark.parametrize(
    "library", ["mcp.client.streamable_http", "httpx", "multipart.multipart", "aiohttp.client", "not.known.yet"]
)
def test_libraries_do_not_write_whole_messages_at_debug(lines: io.StringIO, library: str) -> None:
    logging.getLogger("trivium.here").debug("ours")
    logging.getLogger(library).debug("a message with what somebody said")
    assert "ours" in lines.getvalue()
    assert "somebody" not in lines.getvalue()


@pytest.mark.server
def test_a_server_at_debug_logs_no_words_and_no_keys(tmp_path: Path) -> None:
    data = tmp_path / "data"
    command = [sys.executable, "-m", "trivium.cli.main", "demo", "--port", "0", "--data", str(data)]
    levels = {"TRIVIUM_LOG_LEVEL": "debug", "TRIVIUM_LOG_FORMAT": "json"}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, **levels})
        assert server.stdout is not None
        next(line for line in server.stdout if "is ready on" in line)
        env = read_env(data / "demo.env")
        chain, key = f"{env['WABEE_ENDPOINT'].rstrip('/')}/core/v1/chain", env["WABEE_API_KEY"]
        marked = {"x-wabee-access": key, "request-id": "req-of-the-test"}
        asked = {"messages": [{"role": "user", "content": MARKER}]}
        statuses = [
            httpx2.post(chain, json=asked, headers=marked, timeout=30).status_code,
            httpx2.post(chain, json=asked, headers={**marked, "x-wabee-access": f"{key}x"}, timeout=30).status_code,
            httpx2.post(chain, json={"messages": MARKER}, headers=marked, timeout=30).status_code,
        ]
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=30)
    logged = (tmp_path / "log").read_text()
    assert (statuses[0], statuses[1]) == (200, 401)
    assert MARKER not in logged
    assert key not in logged
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    ours = [line for line in lines if line.get("request_id") == "req-of-the-test"]
    assert [line["message"] for line in ours] == [f"POST /core/v1/chain: {status}" for status in statuses]
