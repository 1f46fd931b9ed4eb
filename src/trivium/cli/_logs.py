"""How a server process logs: lines for people, or JSON for machines; always to stderr."""

import json
import logging
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import TypeAlias

from trivium.contracts.http import current_request_id
from trivium.core.errors import CoreError

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_QUIET = (
    "aiohttp",
    "alembic",
    "asyncio",
    "grpc",
    "httpcore",
    "httpx",
    "httpx2",
    "mcp",
    "multipart",
    "python_multipart",
)
_CHAIN_MAX = 10
_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class _Discreet(logging.Formatter):
    """Shows where an error happened and of what kind it is.

    What it says is left out unless asked for (`with_content`): messages of drivers and parsers quote what they were
    given, which may be somebody's words or a secret.
    """

    def __init__(self, form: str | None = None, *, with_content: bool = False) -> None:
        super().__init__(form)
        self._with_content = with_content

    def formatException(self, ei: _ExcInfo) -> str:  # noqa: N802 - the name is the library's
        """Return the traceback."""
        if self._with_content or ei[1] is None:
            return super().formatException(ei)
        return "\n\n".join("".join(_told(error)).rstrip() for error in _chain(ei[1]))


class JsonLines(_Discreet):
    """One JSON object a line: `at`, `level`, `logger`, `message`, `request_id` where there is a request, what was given
    as `extra`, and the traceback.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        content: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request_id = current_request_id.get()
        if request_id:
            content["request_id"] = request_id
        content |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return json.dumps(content, default=str)


def set_up_logs(level: str, form: str, *, with_content: bool = False) -> None:
    """Send what this process logs, from this level up, to stderr.

    "debug" is for our own lines: those of libraries show headers and bodies.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLines(with_content=with_content)
        if form == "json"
        else _Discreet("%(asctime)s %(levelname)s %(name)s: %(message)s", with_content=with_content)
    )
    logging.basicConfig(level="INFO" if level == "debug" else level.upper(), handlers=[handler], force=True)
    logging.getLogger("trivium").setLevel(level.upper())
    # Libraries that talk too much; below that level some write whole messages, which nobody asked for.
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it came from, at most ten."""
    seen: BaseException | None = error
    for _ in range(_CHAIN_MAX):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _told(error: BaseException) -> Iterator[str]:
    if error.__traceback__ is not None:
        yield "Traceback (most recent call last):\n"
        yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}"
    # These say what failed without quoting what was given.
    if isinstance(error, CoreError):
        yield f" ({error.code})"
    elif isinstance(error, OSError) and error.errno is not None:
        yield f" (errno {error.errno})"
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions[:_CHAIN_MAX]:
            yield "\n\nof these: " + "".join(_told(one))
