"""Between the core's spelling and this contract's camelCase, and between instants and texts."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_UPPER = re.compile(r"(?<=[a-z0-9])([A-Z])")
_UNDERSCORE = re.compile(r"_([a-z0-9])")
_PLACE_PART = re.compile(r"[A-Za-z_]+")


def snake(name: str) -> str:
    """Return `valueType` as `value_type`."""
    return _UPPER.sub(lambda match: "_" + match.group(1).lower(), name)


def camel(name: str) -> str:
    """Return `value_type` as `valueType`."""
    return _UNDERSCORE.sub(lambda match: match.group(1).upper(), name)


def camel_place(place: str) -> str:
    """Return a place such as `steps[0].config.value_type` in this contract's spelling."""
    return _PLACE_PART.sub(lambda match: camel(match.group(0)), place)


def time_text(instant: datetime | None) -> str | None:
    """Return `2026-01-05T09:00:03Z`, with milliseconds where there are any."""
    if instant is None:
        return None
    text = instant.astimezone(UTC).isoformat(timespec="milliseconds" if instant.microsecond >= 1000 else "seconds")
    return text.replace("+00:00", "Z")


def camel_keys(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with its own keys in camelCase; what is inside stays."""
    return {camel(name): one for name, one in value.items()}
