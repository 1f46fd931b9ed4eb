"""The one reader of JSON request bodies: what no contract can use is refused before a shape is looked at."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.types import Message, Receive

from trivium.core.errors import InvalidRequest, LimitExceeded

SIZE_MAX = 32 * 1024 * 1024
# How long a client may pause inside a body: otherwise a few bytes hold a connection for as long as somebody likes.
PAUSE_S_MAX = 30.0
DEPTH_MAX = 64
# Decoding holds the event loop: some 1.5 µs for each value, so this bounds it to a third of a second.
VALUES_MAX = 200_000
# What every client can read back: the widest integers that SQL, Go and protobuf know.
_INTEGER_MIN, _INTEGER_MAX = -(2**63), 2**64 - 1
_FORM_ROOM_BYTES = 64 * 1024
_PIECE_BYTES = 1 << 20
_KEY_END = re.compile(rb'"\s*:')
_decode = msgspec.json.Decoder().decode


class UnsupportedMediaType(InvalidRequest):
    """The body is of another type than JSON; contracts answer 415."""

    default_code = "unsupported_media_type"


class BodyTimeout(InvalidRequest):
    """The rest of the body did not come; contracts answer 408."""

    default_code = "body_timeout"


class StrictRequest(Request):
    """A request whose body is read once, bounded, and decoded strictly."""

    _raw: bytes | None = None
    _value: Any = None
    _is_decoded = False
    _size_max: int | None = None

    @property
    def size_max(self) -> int:
        """How many bytes the body may have: the server's setting, or what the operation says."""
        if self._size_max is not None:
            return self._size_max
        return int(getattr(self.app.state, "body_size_max", SIZE_MAX))

    @size_max.setter
    def size_max(self, size_max: int) -> None:
        self._size_max = size_max

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """Yield the raw body in pieces, forms included; LimitExceeded as soon as it is known to be too large.

        BodyTimeout when the client pauses for too long.

        The connection stays open: the server goes on discarding what the client still sends, so that the client gets to
        read the answer.
        """
        size_max, size = self.size_max, 0
        declared = self.headers.get("content-length", "")
        if declared.isdigit() and len(declared) < 20 and int(declared) > size_max:
            raise _too_large(size_max)
        waiting, self._receive = self._receive, _in_time(self._receive)
        try:
            async with aclosing(super().stream()) as pieces:
                async for chunk in pieces:
                    size += len(chunk)
                    if size > size_max:
                        raise _too_large(size_max)
                    yield chunk
        finally:
            self._receive = waiting

    async def body(self) -> bytes:
        """Return the raw body; LimitExceeded (413) as soon as it is known to be larger than the route allows."""
        if self._raw is None:
            chunks = [chunk async for chunk in self.stream() if chunk]
            self._raw = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return self._raw

    async def json(self) -> Any:
        """Return the decoded body; InvalidRequest when it is not strict JSON, UnsupportedMediaType for other types."""
        if not self._is_decoded:
            check_content_type(self.headers.get("content-type"), self.headers.get("content-encoding"))
            self._value = decode_json(await self.body())
            self._is_decoded = True
        return self._value


def _in_time(receive: Receive) -> Receive:
    async def receive_in_time() -> Message:
        try:
            async with asyncio.timeout(PAUSE_S_MAX):
                return await receive()
        except TimeoutError as error:
            raise BodyTimeout(f"Nothing more of the body came for {PAUSE_S_MAX:g} seconds.") from error

    return receive_in_time


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that came in a form, in pieces of 1 MiB, and the form's texts."""

    name: str
    content_type: str
    size_bytes: int
    pieces: AsyncGenerator[bytes, None]
    fields: Mapping[str, str]


@asynccontextmanager
async def uploaded(request: Request, *, size_max: int, part: str = "file") -> AsyncGenerator[Upload, None]:
    """Read a multipart form with one file in the named part.

    UnsupportedMediaType for other types, InvalidRequest without the part, LimitExceeded (`is_size`) for a larger file.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise UnsupportedMediaType("A file is uploaded as multipart/form-data.")
    if isinstance(request, StrictRequest):
        request.size_max = size_max + _FORM_ROOM_BYTES
    async with request.form(max_files=4, max_fields=32) as form:
        file = form.get(part)
        if not isinstance(file, UploadFile):
            raise InvalidRequest(f"{part}: the form has no file of this name.", details={"field": part})
        if (file.size or 0) > size_max:
            raise _too_large(size_max)
        pieces = _pieces(file)
        async with aclosing(pieces):
            yield Upload(
                name=file.filename or "",
                content_type=file.content_type or "application/octet-stream",
                size_bytes=file.size or 0,
                pieces=pieces,
                fields={key: value for key, value in form.items() if isinstance(value, str)},
            )


async def _pieces(file: UploadFile) -> AsyncGenerator[bytes, None]:
    while piece := await file.read(_PIECE_BYTES):
        yield piece


def check_content_type(content_type: str | None, content_encoding: str | None = None) -> None:
    """Raise UnsupportedMediaType unless it is absent, `application/json` or `application/…+json`, in UTF-8."""
    if content_encoding and content_encoding.strip().lower() != "identity":
        raise UnsupportedMediaType(f"Content-Encoding {content_encoding!r} is not supported; send plain JSON.")
    if content_type is None or content_type == "application/json":
        return
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    is_json = media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
    if not is_json:
        raise UnsupportedMediaType(f"Content-Type {content_type!r} is not supported; send application/json.")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in {"utf-8", "utf8", "us-ascii"}:
            raise UnsupportedMediaType("JSON is always UTF-8 here.")


def decode_json(raw: bytes) -> Any:
    """Return the value of a JSON text.

    Raises InvalidRequest for what RFC 8259 leaves to luck, too: repeated keys, NaN, lone surrogates, integers outside
    64 bits, more than 64 levels. Costs some microseconds for a small body.
    """
    # Counted in the text, strings included: an estimate from above that costs next to nothing.
    if len(raw) > VALUES_MAX and raw.count(b",") + raw.count(b"[") + raw.count(b"{") > VALUES_MAX:
        raise LimitExceeded(f"The body holds more than {VALUES_MAX} values.", code="too_large", is_size=True)
    try:
        value = _decode(raw)
    except UnicodeDecodeError as error:
        raise InvalidRequest("The body is not valid UTF-8.", code="invalid_json") from error
    except RecursionError as error:
        raise _too_deep() from error
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"The body is not valid JSON: {_plain(str(error))}.", code="invalid_json") from error
    key_count = _inspect(value)
    # Each key ends in a quote and a colon. Such a pair inside a string only makes the first count larger, so equal
    # counts prove that no key was lost; otherwise the slow parser tells.
    if key_count and len(_KEY_END.findall(raw)) != key_count:
        json.loads(raw, object_pairs_hook=_refuse_repeated)
    return value


def _inspect(root: Any) -> int:
    """Return how many object keys there are; raise for depth and for integers that are too large."""
    if type(root) not in (dict, list):
        _check_integer(root)
        return 0
    key_count = 0
    level = [root]
    for _ in range(DEPTH_MAX):
        below: list[Any] = []
        for container in level:
            if type(container) is dict:
                key_count += len(container)
                values: Any = container.values()
            else:
                values = container
            for value in values:
                kind = type(value)
                if kind is dict or kind is list:
                    below.append(value)
                elif kind is int:
                    _check_integer(value)
        if not below:
            return key_count
        level = below
    raise _too_deep()


def _check_integer(value: Any) -> None:
    if type(value) is int and not _INTEGER_MIN <= value <= _INTEGER_MAX:
        raise InvalidRequest("The body holds an integer outside 64 bits.", code="invalid_json")


def _refuse_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise InvalidRequest(f"The body names the key {key[:80]!r} twice.", code="invalid_json")
        found[key] = value
    return found


def _plain(message: str) -> str:
    return message.removeprefix("JSON is malformed: ").removesuffix(" - at `$[...]`").rstrip(".")


def _too_deep() -> InvalidRequest:
    return InvalidRequest(f"The body is nested more than {DEPTH_MAX} levels deep.", code="invalid_json")


def _too_large(size_max: int) -> LimitExceeded:
    return LimitExceeded(f"The body is larger than {size_max} bytes.", code="too_large", is_size=True)
