"""How a server process logs: lines for people, or JSON for machines; always to stderr."""

import json
import logging
import sys
from datetime import UTC, datetime

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


class JsonLines(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `message`, what was given as `extra`, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        content: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        content |= {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        return json.dumps(content, default=str)


def set_up_logs(level: str, form: str) -> None:
    """Send what this process logs, from this level up, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLines() if form == "json" else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Libraries that talk too much; below that level some write whole messages, which nobody asked for.
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
