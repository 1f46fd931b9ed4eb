"""One call as data: what is sent, how long it may take, and what came back."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote, urlsplit

from trivium_client._errors import MissingConfiguration
from trivium_client._json import JsonObject
from trivium_client._upload import Upload

LOCAL_ADDRESS = "http://127.0.0.1:8080"
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request. `accepts` names failure statuses whose body is an answer; `unwrap` the key it stands under."""

    method: str
    path: str
    params: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    body: object = field(default=None, repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    upload: Upload | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float | None = None
    accepts: frozenset[int] = frozenset()
    conflict_passes: bool = True
    unwrap: str | None = None

    @property
    def is_repeatable(self) -> bool:
        """Return whether it can be sent twice: an upload only when its source can be read again."""
        return self.upload is None or self.upload.is_repeatable


@dataclass(frozen=True, kw_only=True)
class Options:
    """What holds for every call of a client; `with_options` makes another."""

    timeout: float = 30.0
    max_retries: int = 2
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class RawResponse:
    """An answer as it came, for what the typed objects do not show. Its repr leaves out what may hold a secret."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    request_id: str | None
    retries: int = 0

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> JsonObject:
        """Return the body, which must be a JSON object; raises ValueError where it is not."""
        value = json.loads(self.content)
        if not isinstance(value, dict):
            raise ValueError("the answer is not a JSON object")
        return value


def path(template: str, *segments: str) -> str:
    """Return the template with each `{}` replaced by a segment that cannot leave its place.

    Raises MissingConfiguration for an empty segment, which would name another route.
    """
    if not all(segments) or any(segment in {".", ".."} for segment in segments):
        raise MissingConfiguration(f"an id for {template} is empty or a dot")
    return template.format(*(quote(segment, safe="") for segment in segments))


def first_of(given: str | None, *names: str) -> str | None:
    """Return what is given, else the first of these environment variables that is set and not empty."""
    if given is not None:
        return given
    return next((value for name in names if (value := os.environ.get(name))), None)


def needed(value: str | None, what: str, *names: str) -> str:
    """Return the value without blanks around it.

    Raises MissingConfiguration where there is none, naming the variables that would give it, and for what no header can
    hold.
    """
    stripped = (value or "").strip()
    if not stripped:
        raise MissingConfiguration(f"{what} is required: pass it or set {' or '.join(names)}")
    if not stripped.isascii() or not stripped.isprintable() or " " in stripped:
        raise MissingConfiguration(f"{what} holds a character that cannot be sent; was it copied whole?")
    return stripped


def origin_of(address: str) -> str:
    """Return an address without blanks and slashes at its end; raises MissingConfiguration for what is none."""
    stripped = address.strip().rstrip("/")
    if not stripped.lower().startswith(("http://", "https://")) or not urlsplit(stripped).hostname:
        shown = stripped.rpartition("@")[2]
        raise MissingConfiguration(f"{shown!r} is no address of a server: it begins with http:// or https://")
    return stripped


def changed(old: T, new: T | None) -> T:
    """Return the new value where one is given, else the old one."""
    return old if new is None else new
