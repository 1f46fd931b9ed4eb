"""What can be kept: JSON of a bounded size that every database takes."""

import math

from trivium.core.model.json import JSON

OUTPUT_CHARS_MAX = 1_000_000
CONFIG_CHARS_MAX = 4_000_000
_DEPTH_MAX = 100
_ERROR_CHARS_MAX = 4_000


def storing_problem(value: JSON, chars_max: int = OUTPUT_CHARS_MAX) -> str | None:
    """Return why a value cannot be kept as JSON, or None. Stops early: shared parts may be written out without end."""
    size = 0
    todo: list[tuple[object, int]] = [(value, 0)]
    while todo:
        one, depth = todo.pop()
        if isinstance(one, str):
            size += len(one) + 2
            problem = None if _is_text(one) else "holds half a character"
        else:
            size += 8
            problem = _problem(one)
        if isinstance(one, dict):
            size += sum(len(key) for key in one if isinstance(key, str)) + 2 * len(one)
            problem = None if all(isinstance(key, str) and _is_text(key) for key in one) else "is not JSON"
            todo += [(item, depth + 1) for item in one.values()]
        elif isinstance(one, list):
            size += len(one)
            if size <= chars_max:
                todo += [(item, depth + 1) for item in one]
        if problem is not None:
            return problem
        if depth > _DEPTH_MAX:
            return f"is nested deeper than {_DEPTH_MAX} levels"
        if size > chars_max:
            return f"is longer than {chars_max} characters"
    return None


def clean_text(text: str) -> str:
    """Return the text of an error as every database takes it, at most 4,000 characters."""
    return text[:_ERROR_CHARS_MAX].encode("utf-8", "replace").decode().replace("\x00", "?")


def _problem(one: object) -> str | None:
    if one is None or isinstance(one, bool | dict | list):
        return None
    if isinstance(one, int):
        return None if -(2**63) <= one < 2**63 else "holds a number of more than 64 bits"
    if isinstance(one, float):
        return None if math.isfinite(one) else "holds a number that is none"
    return "is not JSON"


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
