"""What commands print: data on stdout, everything for people on stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

from trivium.cli._stop import CONFIGURATION, FAILED, USAGE, StopError
from trivium.cli.remote_output import show

__all__ = ["CONFIGURATION", "FAILED", "USAGE", "Form", "StopError", "say", "show_error", "show_record", "show_rows"]

Form: TypeAlias = Literal["table", "json", "yaml", "name"]


def show_error(error: StopError, *, as_json: bool) -> None:
    """Print an error as one line: words, or a JSON object."""
    if as_json:
        content = {"code": error.code, "message": error.message, **({"hint": error.hint} if error.hint else {})}
        print(json.dumps({"error": content}), file=sys.stderr)
    else:
        print(f"trivium: {_sentences(error.message, error.hint)}", file=sys.stderr)


def _sentences(message: str, hint: str) -> str:
    """Return both on one line, the first with an end before the second begins."""
    first = " ".join(message.split())
    if not hint:
        return first
    return f"{first}{'' if first.endswith(('.', '!', '?', '…', ':')) else '.'} {hint}"


def show_record(record: Mapping[str, Any], *, form: Form, main: str, note: str = "") -> None:
    """Print the field `main` alone, so that a script can take it, or all fields; the note is for people."""
    match form:
        case "json":
            print(json.dumps(dict(record), default=_plain))
        case "yaml":
            _show_yaml(dict(record))
        case _:
            print(record[main])
            say(note)


def show_rows(name: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, form: Form) -> None:
    """Print a table, the first column alone, or all fields of all rows as JSON under `name` or as YAML."""
    match form:
        case "json":
            print(json.dumps({name: [dict(row) for row in rows]}, default=_plain))
        case "yaml":
            _show_yaml([dict(row) for row in rows])
        case "name":
            print("".join(f"{row[columns[0]]}\n" for row in rows), end="")
        case _:
            # The one table of the command line: it fits into a narrow terminal.
            show(
                [{column: _plain_cell(row[column]) for column in columns} for row in rows],
                form="table",
                columns=columns,
            )


def _show_yaml(value: object) -> None:
    show(json.loads(json.dumps(value, default=_plain)), form="yaml")


def say(text: str) -> None:
    """Tell a person at a terminal something."""
    if text and sys.stderr.isatty():
        print(text, file=sys.stderr)


def _plain_cell(value: object) -> object:
    return ",".join(str(item) for item in value) if isinstance(value, list | tuple) else value


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(type(value).__name__)
