"""Answering a request once: the same name again gets the same answer, for a day."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from trivium.core.errors import Conflict
from trivium.core.model.requests import OnceRequest
from trivium.core.ports import Clock, Seal, Store, Transaction
from trivium.core.services.jobs import JobRun

KEPT = timedelta(hours=24)
LEASE_S = 120.0
_PURGE_BATCH = 1_000
_WAITS = 100
_WAIT_S = 0.1
Claim = Literal["new", "again", "answered"]


class Once:
    """Names of requests. They are claimed in the store, so that of two at the same moment one is answered.

    What was answered is kept sealed: it may hold a secret that is shown this once.
    """

    def __init__(self, *, store: Store, clock: Clock, seal: Seal) -> None:
        self._store = store
        self._clock = clock
        self._seal = seal

    async def claim(
        self,
        organization_id: str,
        name: str,
        *,
        fingerprint: str = "",
        request_id: str = "",
        lease_s: float = LEASE_S,
    ) -> tuple[OnceRequest, Claim]:
        """Return the request of this name and what is to be done with it; waits ten seconds while another answers it.

        "new": the caller answers it. "again": so, too, but somebody may have begun and died. "answered": send what is
        stored. A process that dies while it answers holds the name for `lease_s`. Conflict with code `in_progress`, or
        `name_reused` when the name was used with another fingerprint.
        """
        now = self._clock.now()
        request = OnceRequest(
            id=hashlib.sha256(f"{organization_id}\n{name}".encode("utf-8", "surrogatepass")).hexdigest(),
            organization_id=organization_id,
            created_at=now,
            leased_until=now + timedelta(seconds=lease_s),
            fingerprint=fingerprint,
            request_id=request_id,
        )
        for attempt in range(_WAITS):
            try:
                found, claim = await self._store.write(lambda tx: _claim(tx, request, self._clock.now(), lease_s))
                return (self._opened(found) if claim == "answered" else found), claim
            except Conflict as error:
                if error.code != "in_progress" or attempt == _WAITS - 1:
                    raise
            await asyncio.sleep(_WAIT_S)
        raise AssertionError("the last attempt returns or raises")

    async def answer(self, request: OnceRequest, *, status: int, headers: dict[str, str], body: str) -> None:
        """Keep the answer for whoever sends the request again."""
        sealed = self._seal.close(body, _context(request.id)) if body else ""
        answered = replace(request, status=status, headers=headers, body=sealed)
        await self._store.write(lambda tx: tx.once_requests.put(answered))

    def _opened(self, request: OnceRequest) -> OnceRequest:
        return replace(request, body=self._seal.open(request.body, _context(request.id))) if request.body else request

    async def release(self, request: OnceRequest) -> None:
        """Forget the request: it was not answered, and may be sent again."""
        await self._store.write(lambda tx: tx.once_requests.remove(request.organization_id, request.id))

    async def take_over(self) -> None:
        """Let requests that were being answered be taken at once; only for who knows that their process is dead."""
        now = self._clock.now()
        await self._store.write(lambda tx: tx.once_requests.end_leases(now))

    async def purge(self, run: JobRun) -> datetime | None:
        """Delete what is older than a day (a job). Safe to repeat."""
        before = self._clock.now() - KEPT
        removed = _PURGE_BATCH
        while removed == _PURGE_BATCH:
            removed = await self._store.write(lambda tx: tx.once_requests.purge(before, _PURGE_BATCH))
        return None


def _context(request_id: str) -> str:
    return f"once_requests/{request_id}"


def _claim(tx: Transaction, request: OnceRequest, now: datetime, lease_s: float) -> tuple[OnceRequest, Claim]:
    known = tx.once_requests.first(request.organization_id, id=request.id)
    if known is None or known.created_at <= now - KEPT:
        if known is not None:
            tx.once_requests.remove(known.organization_id, known.id)
        tx.once_requests.add(request)
        return request, "new"
    if known.fingerprint != request.fingerprint:
        raise Conflict("This name was used for another request.", code="name_reused")
    if known.status is not None:
        return known, "answered"
    if known.leased_until > now:
        raise Conflict("This request is being answered.", code="in_progress")
    taken = replace(known, leased_until=now + timedelta(seconds=lease_s))
    tx.once_requests.put(taken)
    return taken, "again"
