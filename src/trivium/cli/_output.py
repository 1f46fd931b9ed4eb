"""What commands print: data on stdout, everything for people on stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

FAILED = 1
USAGE = 2
CONFIGURATION = 3


class StopError(Exception):
    """Ends a command with one line that says what is wrong and one that says what to do."""

    def __init__(self, message: str, *, hint: str = "", status: int = FAILED, code: str = "failed") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status
        self.code = code


def show_error(error: StopError, *, as_json: bool) -> None:
    """Print an error as one line: words, or a JSON object."""
    if as_json:
        content = {"code": error.code, "message": error.message, **({"hint": error.hint} if error.hint else {})}
        print(json.dumps({"error": content}), file=sys.stderr)
    else:
        print(f"trivium: {error.message}{' ' + error.hint if error.hint else ''}", file=sys.stderr)


def show_record(record: Mapping[str, Any], *, as_json: bool, main: str, note: str = "") -> None:
    """Print the field `main` alone, so that a script can take it, or all fields as JSON; the note is for people."""
    if as_json:
        print(json.dumps(dict(record), default=_plain))
        return
    print(record[main])
    say(note)


def show_rows(name: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print a table, or all fields of all rows as JSON under `name`."""
    if as_json:
        print(json.dumps({name: [dict(row) for row in rows]}, default=_plain))
        return
    cells = [list(columns), *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def say(text: str) -> None:
    """Tell a person at a terminal something."""
    if text and sys.stderr.isatty():
        print(text, file=sys.stderr)


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    return "-" if value is None else str(_plain(value) if isinstance(value, datetime) else value)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(type(value).__name__)
