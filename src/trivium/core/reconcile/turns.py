"""One writer of an agent's configuration at a time, in this process and in all."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar
from weakref import WeakValueDictionary

import anyio

from trivium.core.errors import Conflict
from trivium.core.model.config import ConfigLease
from trivium.core.model.ids import new_id
from trivium.core.ports import Clock, Store, Transaction

_POLL_S = 0.1
R = TypeVar("R")


class Turns:
    """Hands out turns, in order within the process; between processes a lease in the store decides.

    The lease of a process that was killed ends by itself after `lease_s`.
    """

    def __init__(self, *, store: Store, clock: Clock, lease_s: float, wait_s: float) -> None:
        self._store = store
        self._clock = clock
        self._lease_s = lease_s
        self._wait_s = wait_s
        self._locks: WeakValueDictionary[str, anyio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, organization_id: str, agent_id: str) -> AsyncGenerator[str, None]:
        """Hold the agent's configuration; yield the owner to check each write against.

        Raises Conflict with code `busy` when the turn has not come after `wait_s`.
        """
        lock = self._locks.setdefault(agent_id, anyio.Lock())
        owner = new_id("turn")
        try:
            with anyio.fail_after(self._wait_s):
                await lock.acquire()
        except TimeoutError as error:
            raise _busy() from error
        try:
            await self._lease(organization_id, agent_id, owner)
            try:
                yield owner
            finally:
                with anyio.CancelScope(shield=True):
                    await self._store.write(lambda tx: _release(tx, organization_id, agent_id, owner))
        finally:
            lock.release()

    def hold(self, tx: Transaction, organization_id: str, agent_id: str, owner: str) -> None:
        """Check, in the transaction of a write, that the turn is still ours, and prolong it when half of it is over."""
        now = self._clock.now()
        lease = tx.config_leases.first(organization_id, id=agent_id)
        if lease is None or lease.owner != owner:
            raise Conflict("Another process took over the configuration.", code="turn_lost")
        if lease.until - now < timedelta(seconds=self._lease_s / 2):
            tx.config_leases.put(self._new_lease(organization_id, agent_id, owner))

    async def _lease(self, organization_id: str, agent_id: str, owner: str) -> None:
        for _ in range(max(1, round(self._wait_s / _POLL_S))):
            # Two processes that find it free at once: one of them inserts, the other goes on waiting.
            with contextlib.suppress(Conflict):
                if await self._store.write(lambda tx: self._take(tx, organization_id, agent_id, owner)):
                    return
            await anyio.sleep(_POLL_S)
        raise _busy()

    def _take(self, tx: Transaction, organization_id: str, agent_id: str, owner: str) -> bool:
        held = tx.config_leases.first(organization_id, id=agent_id)
        if held is not None and held.until > self._clock.now():
            return False
        if held is not None:
            tx.config_leases.remove(organization_id, agent_id)
        tx.config_leases.add(self._new_lease(organization_id, agent_id, owner))
        return True

    def _new_lease(self, organization_id: str, agent_id: str, owner: str) -> ConfigLease:
        until = self._clock.now() + timedelta(seconds=self._lease_s)
        return ConfigLease(id=agent_id, organization_id=organization_id, owner=owner, until=until)


async def to_the_end(awaitable: Awaitable[R]) -> R:
    """Wait for it even when the caller has gone: nobody shall leave half a write behind."""
    with anyio.CancelScope(shield=True):
        return await awaitable
    raise RuntimeError("a shielded scope swallows nothing")


def _release(tx: Transaction, organization_id: str, agent_id: str, owner: str) -> None:
    tx.config_leases.remove_where(organization_id, id=agent_id, owner=owner)


def _busy() -> Conflict:
    return Conflict("Somebody else is changing this configuration; try again.", code="busy")
