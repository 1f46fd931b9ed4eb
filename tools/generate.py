"""Write the files that follow from others; with --check, only say which are out of date.

    python -m tools.generate [--check]

A new generated file is one more row of GENERATORS: its path and the function that returns its text.
"""

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.client_models import TARGET as MODELS
from tools.client_models import model_modules, models_text, package_text
from tools.unasync import sync_modules, sync_text
from tools.wabee_protocol import TARGET as WABEE_PROTOCOL
from tools.wabee_protocol import descriptor_module
from trivium import settings

if TYPE_CHECKING:
    from tools.client_calls import Called

ROOT = Path(__file__).resolve().parent.parent
NOTICE = "<!-- Written by `make generate`; edits here are lost. -->\n\n"


def commands_page() -> str:
    """Return the page of all make targets, read from the Makefile."""
    rows = re.findall(r"^([a-z-]+):.*## (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    table = "".join(f"| `make {target}` | {text} |\n" for target, text in rows)
    return f"# Commands\n\n{NOTICE}| command | does |\n|---|---|\n{table}"


def decisions_page() -> str:
    """Return the list of decision records with their status, read from the records."""
    rows = []
    for path in sorted((ROOT / "docs/decisions").glob("[0-9]*.md")):
        text = path.read_text("utf-8")
        title = re.search(r"^# (.+)$", text, re.MULTILINE)
        status = re.search(r"^\*\*Status:\*\* ([^·\n]+?) *(?:·|$)", text, re.MULTILINE)
        if title is None or status is None:
            raise ValueError(f"{path.name}: no title or no status line")
        rows.append(f"| [{title[1]}]({path.name}) | {status[1]} |\n")
    intro = "Why things are as they are. A record is never rewritten, only superseded by a later one.\n\n"
    return f"# Decisions\n\n{NOTICE}{intro}| decision | status |\n|---|---|\n{''.join(rows)}"


def client_page() -> str:
    """Return the table of the client library: every method in both colours, its request, and who calls it for real."""
    from tools.client_calls import WITHOUT_METHOD, operations, proofs

    proven = proofs(ROOT)
    parts = []
    for client, rows in operations().items():
        lines = "".join(_client_row(one, other, proven.get((client, one.name), [])) for one, other in rows)
        head = "| method | sync | async | request | | called for real in |\n|---|---|---|---|---|---|\n"
        parts.append(f"## {client}, Async{client}\n\n{len(rows)} methods.\n\n{head}{lines}")
    without = "".join(f"| {method} `{path}` | {why} |\n" for (method, path), why in WITHOUT_METHOD.items())
    rest = f"## Without a method\n\n| operation | why |\n|---|---|\n{without}"
    return f"# Client methods\n\n{NOTICE}{CLIENT_INTRO}" + "\n".join([*parts, rest])


def command_line_page() -> str:
    """Return the reference of the command line, read from the commands themselves."""
    from trivium.cli.main import make_app

    text = make_app().generate_docs(output_format="markdown", heading_level=1)
    return text.replace("\n", f"\n\n{NOTICE.rstrip()}\n", 1).rstrip() + "\n"


def _client_row(one: "Called", other: "Called", tests: list[str]) -> str:
    both = "yes | yes" if (one.method, one.path) == (other.method, other.path) else "yes | no"
    where = tests[0].replace("::", ": ").removeprefix("test_real_").replace(".py", "") if tests else "-"
    return f"| `{one.name}` | {both} | {one.method} `{one.shown}` | {one.says} | {where} |\n"


def settings_page() -> str:
    """Return the table of all settings, read from their definitions."""
    rows = "".join(
        f"| `{name}` | {_default(field.default)} | {field.metadata['doc']} |\n"
        for name, field in settings.FIELDS.items()
    )
    return f"# Settings\n\n{NOTICE}{SETTINGS_INTRO}| setting | default | what it does |\n|---|---|---|\n{rows}"


def _default(value: object) -> str:
    match value:
        case None | "" | ():
            return "empty"
        case bool():
            return f"`{str(value).lower()}`"
        case _:
            return f"`{value}`"


CLIENT_INTRO = """\
The first columns were made by calling every method of both clients and looking at what they send; the last one names a
test in `tests/client/test_real_….py` that calls the method of both clients against a running server and looks at what
comes back. A test fails when a method has no such test, or when the server has an operation without a method.

"""
SETTINGS_INTRO = """\
Every setting has a default that works with no other service and no key. Each of these is stronger than the one before:

1. the default,
2. a TOML file: `trivium.toml` in the data folder, or the one named by `--config` or `TRIVIUM_CONFIG`,
3. a variable: `TRIVIUM_` and the name in capitals, such as `TRIVIUM_PORT`,
4. an option of the command, where it has one: `--host`, `--port`, `--data`.

Durations are seconds, sizes bytes. A value that cannot be used stops the start with a line that says which and why; so
does an unknown name in the file. An unknown `TRIVIUM_` variable is a warning. `trivium doctor` shows what differs from
the defaults and where it comes from.

```toml
# data/trivium.toml
port = 9000
model_base_url = "http://127.0.0.1:11434/v1"
model = "llama3.2"
outbound_allow = ["127.0.0.1:11434"]
```

"""
# The client comes first, its models before it: later pages are made by calling it.
GENERATORS: dict[str, Callable[[], str]] = {
    f"{MODELS}/__init__.py": package_text,
    **{path: partial(models_text, name) for path, name in model_modules().items()},
    **{path: partial(sync_text, name) for path, name in sync_modules().items()},
    "docs/decisions/index.md": decisions_page,
    "docs/reference/commands.md": commands_page,
    "docs/reference/client.md": client_page,
    "docs/reference/command-line.md": command_line_page,
    "docs/reference/settings.md": settings_page,
    WABEE_PROTOCOL: descriptor_module,
}


def main() -> int:
    """Return 0 when every generated file is (now) up to date, 1 when a check found one that is not."""
    only_checks = "--check" in sys.argv[1:]
    stale = [name for name in GENERATORS if _renew(name, only_checks=only_checks)]
    return 1 if stale and only_checks else 0


def _renew(name: str, *, only_checks: bool) -> bool:
    """Write one file where it is out of date, or only say so; return whether it was."""
    text = GENERATORS[name]()
    if text == _read(name):
        return False
    if only_checks:
        print(f"{name} is out of date: make generate")
    else:
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text, "utf-8")
        print(f"wrote {name}")
    return True


def _read(name: str) -> str | None:
    path = ROOT / name
    return path.read_text("utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
