"""What remote commands print: data on stdout in one of four forms, everything for people on stderr."""

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

Format: TypeAlias = Literal["table", "json", "yaml", "name", "tree", "text"]
Row: TypeAlias = Mapping[str, object]
MIN_CELL = 8
_colour = {"wanted": True}
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
# Fractions of seconds are for programs.
_INSTANT = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+(?:Z|\+00:00)$")


def show_json(value: object) -> None:
    """Print a value as indented JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=plain))


def show(value: object, *, form: Format, columns: Sequence[str] = (), name: str = "id") -> None:
    """Print a record or a list of records. `columns` are those of the table, `name` what `-o name` prints."""
    match form:
        case "json":
            show_json(value)
        case "yaml":
            _show_yaml(value)
        case "name":
            for row in _rows(value):
                print(row.get(name) or next(iter(row.values()), ""))
        case _ if isinstance(value, Mapping):
            _show_record(value)
        case _:
            _show_table(_rows(value), columns)


def plain(value: object) -> object:
    """Return what JSON can hold of a value."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", by_alias=True)
    return str(value)


def say(text: str) -> None:
    """Tell a person at a terminal something."""
    if text and sys.stderr.isatty():
        print(text, file=sys.stderr)


def set_colour(wanted: bool) -> None:
    """Say whether colour is wanted at all in this run; a context may say that it is not."""
    _colour["wanted"] = wanted


def has_colour(stream: object = None) -> bool:
    """Return whether a stream (stdout) is a terminal on which colour is wanted (no-color.org)."""
    if not _colour["wanted"]:
        return False
    target = sys.stdout if stream is None else stream
    is_terminal = bool(getattr(target, "isatty", bool)())
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, code: str) -> str:
    """Return the text in a style (an SGR code), where stdout shows colour."""
    return f"\x1b[{code}m{text}\x1b[0m" if has_colour() else text


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone; raises StopError for no, and where nobody can be asked."""
    from trivium.cli._stop import USAGE, StopError

    if yes:
        return
    if not sys.stdin.isatty():
        raise StopError(question, hint="Nobody can be asked here; say --yes.", status=USAGE, code="not_confirmed")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise StopError("Nothing was done.", code="not_confirmed")


def _rows(value: object) -> list[Row]:
    items = value if isinstance(value, list | tuple) else [value]
    return [item if isinstance(item, Mapping) else {"value": item} for item in items]


def _show_yaml(value: object) -> None:
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.representer.sort_base_mapping_type_on_output = False
    yaml.dump(json.loads(json.dumps(value, default=plain)), sys.stdout)


def _show_record(record: Row) -> None:
    width = max((len(key) for key in record), default=0)
    for key, value in record.items():
        print(f"{styled(key.ljust(width), '1')}  {cell(value)}")


def _show_table(rows: Sequence[Row], columns: Sequence[str]) -> None:
    names = list(columns) or list(dict.fromkeys(key for row in rows for key in row))
    if not names:
        return
    cells = [[cell(row.get(name)) for name in names] for row in rows]
    titles = [_HUMP.sub(" ", name).upper() for name in names]
    widths = [max(len(line[index]) for line in [titles, *cells]) for index in range(len(names))]
    most = max(1, shutil.get_terminal_size().columns) if sys.stdout.isatty() else None
    if most is not None:
        widths = _fitting(widths, most)
    print(styled(_line(titles, widths, most), "1"))
    for line in cells:
        print(_line(line, widths, most))


def _line(cells: Sequence[str], widths: Sequence[int], most: int | None) -> str:
    text = "  ".join(_cut(text, width).ljust(width) for text, width in zip(cells, widths, strict=True)).rstrip()
    return text if most is None else _cut(text, most)


def _fitting(widths: list[int], columns: int) -> list[int]:
    """Return widths that fit the terminal: the widest column gives first, the one of the ids last, for it is copied."""
    fitted = list(widths)

    def too_wide() -> bool:
        return sum(fitted) + 2 * (len(fitted) - 1) > columns

    while too_wide() and len(fitted) > 1 and max(fitted[1:]) > MIN_CELL:
        fitted[1 + fitted[1:].index(max(fitted[1:]))] -= 1
    return fitted


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def cell(value: object) -> str:
    """Return a value on one line, without anything that would move the cursor."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case datetime():
            text = _INSTANT.sub(r"\1Z", str(plain(value)))
        case list() | dict():
            text = json.dumps(value, ensure_ascii=False, default=plain)
        case _:
            text = _INSTANT.sub(r"\1Z", str(value))
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
