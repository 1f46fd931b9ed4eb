"""Events for somebody who is connected: kept in order until they were taken, and dropped when the listener has left."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trivium.core.errors import Conflict, LimitExceeded
from trivium.core.model.deliveries import HeardEvent, Listener
from trivium.core.model.ids import new_id
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.event_types import checked_types, type_matches
from trivium.core.services.jobs import JobRun
from trivium.core.services.signing import SigningSecrets, signature_headers

MISSED = "listening.missed"
# Who has lost the connection may come back so long.
KEPT_S = 120.0
_RENEW_S = 30.0
_POLL_S = 1.0
_LISTENERS_MAX = 20
# What waits for a listener that takes nothing; and what was sent and may be asked for again.
WAITING_MAX = 1_000
SENT_MAX = 1_000
_BATCH = 100
_PURGE_BATCH = 100


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One event as a webhook would get it: the signed headers belong to exactly this body."""

    seq: int
    type: str
    headers: dict[str, str]
    body: str


class Listening:
    """Subscriptions of people who are connected. Every event has a number, by which they go on after a break."""

    def __init__(self, *, store: Store, clock: Clock, secrets: SigningSecrets) -> None:
        self._store = store
        self._clock = clock
        self._secrets = secrets

    async def open(self, organization_id: str, *, events: Sequence[str]) -> tuple[Listener, str]:
        """Return a listener and the secret its events are signed with, shown only now; at most 20 per organization.

        It ends two minutes after nobody has read from it.
        """
        now = self._clock.now()
        listener = Listener(
            id=new_id("lsn"),
            organization_id=organization_id,
            events=checked_types(events),
            created_at=now,
            expires_at=now + timedelta(seconds=KEPT_S),
        )

        def unit(tx: Transaction) -> None:
            active = [one for one in tx.listeners.find(organization_id) if one.expires_at > now]
            if len(active) >= _LISTENERS_MAX:
                raise LimitExceeded("An organization has at most 20 listeners.", code="too_many_listeners")
            tx.listeners.add(listener)

        await self._store.write(unit)
        return listener, await self._secrets.rotate(organization_id, listener.id)

    async def get(self, organization_id: str, listener_id: str) -> Listener:
        """Return the listener or raise NotFound."""
        return await self._store.read(lambda tx: tx.listeners.get(organization_id, listener_id))

    async def close(self, organization_id: str, listener_id: str) -> bool:
        """Forget a listener with everything it was not told yet; False when it was not there."""
        return await self._store.write(lambda tx: _remove(tx, organization_id, listener_id))

    async def hear(
        self,
        organization_id: str,
        listener_id: str,
        after: int,
        *,
        is_welcome: Callable[[], Awaitable[bool]] | None = None,
    ) -> AsyncGenerator[Heard, None]:
        """Yield what happens after a number, until the reader leaves, is no longer welcome or the listener is closed.

        `is_welcome` is asked every 30 seconds: a stream may outlive the credential it was opened with.

        What was taken (everything up to `after`) is forgotten, but for the last thousand. What other processes write
        is seen within a second.
        """
        keys = await self._secrets.valid(organization_id, listener_id)
        woken = asyncio.Event()
        stop = self._store.subscribe("listening", lambda key: woken.set() if key == listener_id else None)
        renew_at = self._clock.now()
        try:
            while True:
                woken.clear()
                now = self._clock.now()
                if now >= renew_at:
                    renew_at = now + timedelta(seconds=_RENEW_S)
                    if is_welcome is not None and not await is_welcome():
                        return
                    if not await self._renew(organization_id, listener_id, after):
                        return
                found = await self._take(organization_id, listener_id, after)
                if found is None:
                    return
                for event in found:
                    after = event.seq or after
                    yield _signed(event, after, self._clock.now(), keys)
                if not found:
                    await _woken_or_pause(woken)
        finally:
            stop()

    async def purge(self, run: JobRun) -> None:
        """Forget listeners that have left (a job itself). Forgetting them again changes nothing."""

        def unit(tx: Transaction) -> int:
            ended = tx.listeners.ended(self._clock.now(), _PURGE_BATCH)
            for listener in ended:
                _remove(tx, listener.organization_id, listener.id)
            return len(ended)

        while await self._store.write(unit) == _PURGE_BATCH:
            await run.report(50)

    async def _renew(self, organization_id: str, listener_id: str, after: int) -> bool:
        until = self._clock.now() + timedelta(seconds=KEPT_S)

        def unit(tx: Transaction) -> bool:
            listener = tx.listeners.first(organization_id, id=listener_id)
            if listener is None:
                return False
            tx.listeners.put(replace(listener, expires_at=until))
            tx.heard_events.forget(listener_id, after - SENT_MAX)
            return True

        return await self._store.write(unit)

    async def _take(self, organization_id: str, listener_id: str, after: int) -> list[HeardEvent] | None:
        """Return the next events, numbering those that are new; None when the listener is gone."""

        def look(tx: Transaction) -> tuple[bool, bool, list[HeardEvent]]:
            is_there = tx.listeners.first(organization_id, id=listener_id) is not None
            found = tx.heard_events.after(listener_id, after, _BATCH)
            return is_there, tx.heard_events.waiting(listener_id) > 0, found

        is_there, has_new, found = await self._store.read(look)
        if found or not is_there or not has_new:
            return found if is_there else None
        try:
            await self._store.write(lambda tx: tx.heard_events.number(listener_id, _BATCH))
        except Conflict:
            # Another reader of the same listener gave the numbers at this moment; they are there for both.
            return []
        return await self._store.read(lambda tx: tx.heard_events.after(listener_id, after, _BATCH))


def overhear(tx: Transaction, organization_id: str, event_type: str, body: str, *, event_id: str, now: datetime) -> int:
    """Keep an event for every listener that wants its type, in the caller's transaction; return for how many.

    Telling of it twice keeps it once. A listener that takes nothing misses what comes after a thousand events, and is
    told so by an event of the type `listening.missed`.
    """
    count = 0
    for listener in tx.listeners.find(organization_id):
        if listener.expires_at <= now or not type_matches(listener.events, event_type):
            continue
        event = HeardEvent(
            id=f"{event_id}-{listener.id}",
            organization_id=organization_id,
            listener_id=listener.id,
            type=event_type,
            body=body,
            created_at=now,
        )
        waiting = tx.heard_events.waiting(listener.id)
        if waiting > WAITING_MAX or tx.heard_events.first(organization_id, id=event.id) is not None:
            continue
        if waiting == WAITING_MAX:
            event = replace(event, type=MISSED, body="{}")
        tx.heard_events.add(event)
        count += 1
    return count


def _signed(event: HeardEvent, seq: int, now: datetime, keys: Sequence[str]) -> Heard:
    headers = signature_headers(event.id, now, event.body, keys) | {"content-type": "application/json"}
    return Heard(seq=seq, type=event.type, headers=headers, body=event.body)


def _remove(tx: Transaction, organization_id: str, listener_id: str) -> bool:
    tx.heard_events.remove_where(organization_id, listener_id=listener_id)
    tx.signing_secrets.remove_where(organization_id, owner_id=listener_id)
    return tx.listeners.remove(organization_id, listener_id)


async def _woken_or_pause(woken: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_POLL_S):
            await woken.wait()
    except TimeoutError:
        return
