"""Files, passages, the network, secrets, time."""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from trivium.core.model.json import JSONObject


class Clock(Protocol):
    """The time; a test moves it."""

    def now(self) -> datetime:
        """Return an aware datetime in UTC."""


class BlobStore(Protocol):
    """Bytes by key; keys are made by us, never by a caller."""

    async def put(self, key: str, data: AsyncIterable[bytes] | bytes) -> int:
        """Store all of it or nothing; return the size in bytes."""

    async def get(self, key: str) -> bytes:
        """Return all bytes; NotFound(kind="blob") when there are none."""

    def stream(self, key: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes in pieces."""

    async def delete(self, key: str) -> None:
        """Remove; silent when it is not there, so that it can be repeated."""


@dataclass(frozen=True, kw_only=True)
class TreeFile:
    """A file below a root: its path from there, with `/` between the parts."""

    path: str
    size_bytes: int


class FileTree(Protocol):
    """Files by path below a root of their own; nothing outside of the root can be reached.

    A root is named by an id of ours, a path by a caller: InvalidRequest with code `invalid_path` that names the path
    for what leaves the root, is a link, a folder or a device, or is no path at all.
    """

    async def size(self, root: str, path: str) -> int:
        """Return a file's size in bytes; NotFound(kind="file")."""

    async def read(self, root: str, path: str, *, size_max: int) -> bytes:
        """Return a file's bytes; NotFound(kind="file"), LimitExceeded (`is_size`) when there are more."""

    async def write(self, root: str, path: str, data: AsyncIterable[bytes], *, size_max: int) -> int:
        """Store all of it or nothing, over what was there; return the size. LimitExceeded (`is_size`)."""

    async def find(self, root: str, *, limit: int) -> Sequence[TreeFile]:
        """Return the files of a root in order of their paths."""

    async def remove(self, root: str, path: str) -> bool:
        """Delete a file; False when it was not there."""


class Images(Protocol):
    """Pictures, checked and re-encoded."""

    async def clean(self, data: bytes) -> tuple[str, bytes, int, int]:
        """Return (mime type, bytes without metadata, width, height); InvalidRequest when nothing of it decodes."""


@dataclass(frozen=True, kw_only=True)
class OutboundResponse:
    """An answer from outside; `body` is cut at the limit that was asked for (`is_cut`)."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_cut: bool = False


class Outbound(Protocol):
    """HTTP to addresses that a user may have named: guarded at connect time, no redirects followed."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout_s: float = 10.0,
        size_max: int = 1_000_000,
    ) -> OutboundResponse:
        """Return whatever was answered; UpstreamFailed when nothing was, InvalidRequest when the address is refused."""


class Passwords(Protocol):
    """Password hashes."""

    def hash(self, password: str) -> str:
        """Return a salted, slow hash. Blocking."""

    def verify(self, password_hash: str, password: str) -> bool:
        """True when it matches. Blocking."""


class Tokens(Protocol):
    """Signed tokens of our own."""

    def issue(self, claims: JSONObject, lifetime_s: float) -> str:
        """Return a signed token that expires."""

    def read(self, token: str) -> JSONObject:
        """Return the claims; NotAuthenticated when it is not ours or has expired."""


class Seal(Protocol):
    """Secrets at rest. `context` (table and row id) is bound to the ciphertext: it cannot be moved."""

    def close(self, plain: str, context: str) -> str:
        """Return the sealed text."""

    def open(self, sealed: str, context: str) -> str:
        """Return the plain text; InvalidRequest when it was sealed for something else."""
