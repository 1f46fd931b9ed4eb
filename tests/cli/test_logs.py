"""What a server process writes to its log."""

import logging
from collections.abc import Iterator

import pytest

from trivium.cli._logs import set_up_logs


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("library", ["mcp.client.streamable_http", "httpx", "multipart.multipart", "aiohttp.client"])
def test_libraries_do_not_write_whole_messages_at_debug(library: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("debug", "text")
    logging.getLogger("trivium.here").debug("ours")
    logging.getLogger(library).debug("a message with what somebody said")
    written = capsys.readouterr().err
    assert "ours" in written
    assert "somebody" not in written
