"""Derives the synchronous client from the asynchronous one.

The asynchronous code is written in a small dialect for this: every name that differs begins with `Async`, ends in
`_async`, or is in the list below. So a text rule is enough, and the result reads like what a person would write.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src/trivium_client/_async"
TARGET = "src/trivium_client/_generated"
HEADER = "# Written by `make generate` from ../_async/{name}; edits here are lost.\n"
RULES = [
    (r"\basync (def|with|for) ", r"\1 "),
    (r"\bawait ", ""),
    (r"\banext\b", "next"),
    (r"\b__a(enter|exit|iter|next)__", r"__\1__"),
    (r"\baiter_bytes\b", "iter_bytes"),
    (r"\baread\b", "read"),
    (r"\baclose\b", "close"),
    (r"\bStopAsyncIteration\b", "StopIteration"),
    (r"\bAsync(?=[A-Z])", ""),
    (r"trivium_client\._async\b", "trivium_client._generated"),
    (r"\bpause_async\b", "pause_sync"),
    (r"\btrigger_workflow_async\b", "trigger_workflow"),
]


def sync_text(name: str) -> str:
    """Return the synchronous twin of a module of the asynchronous client."""
    text = (SOURCE / name).read_text("utf-8")
    if name == "__init__.py":
        return HEADER.format(name=name) + '"""The synchronous clients, derived from the asynchronous ones."""\n'
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return HEADER.format(name=name) + text


def sync_modules() -> dict[str, str]:
    """Return path and source name of every generated module."""
    return {f"{TARGET}/{path.name}": path.name for path in sorted(SOURCE.glob("*.py"))}
