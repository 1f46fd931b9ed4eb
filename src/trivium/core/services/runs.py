"""Runs: started once, driven to their end by some process, read by anyone at any time."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from datetime import timedelta

from trivium.core.errors import Conflict, Gone, InvalidRequest, LimitExceeded, NotFound
from trivium.core.events import ApprovalDecided, ApprovalRequested, RunCancelled, StoredEvent, is_final, size_of
from trivium.core.model.access import Principal
from trivium.core.model.ids import new_id, new_uuid
from trivium.core.model.runs import FINAL_STATUSES, Run, RunRequest
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.admission import INTERRUPTED, Admission, Begun
from trivium.core.services.run_driver import RunDriver

# How much a reader gets at once: all of it is in memory until the reader's connection has taken it.
_PAGE = 128
_BATCH_CHARS_MAX = 32_000
_EVENTS_MAX = 200_000
_POLL_S = 0.25


class Runs:
    """See section 6 of the architecture: events are committed before anyone sees them, a reader leaving changes
    nothing, and a run that lost its process is resumed from its own events.
    """

    def __init__(self, *, store: Store, clock: Clock, admission: Admission, driver: RunDriver) -> None:
        self._store = store
        self._clock = clock
        self._admission = admission
        self._driver = driver
        self._settings = admission.settings

    async def start(
        self, principal: Principal, request: RunRequest, *, guard: Callable[[Transaction], None] | None = None
    ) -> Run:
        """Check everything that deserves a status, store the run and begin it; returns before the first answer.

        A request with the `run_id` of a stored run returns that run and begins nothing. `guard` is called in the
        transaction that stores the run and raises when the reason for it is gone.

        Raises NotFound (agent, conversation), NotPermitted, Conflict (agent not active; conversation busy under the
        "reject" policy), LimitExceeded (too many runs, a budget), InvalidRequest.
        """
        if self._driver.is_closing:
            raise LimitExceeded("The server is shutting down.", code="shutting_down", retry_after_s=2.0)
        if self._driver.live_count >= self._settings.active_runs_max:
            raise LimitExceeded("Too many runs at once.", code="too_many_runs", retry_after_s=1.0)
        if not request.input.messages:
            raise InvalidRequest("A run needs at least one message.", details={"field": "messages"})
        if request.run_id is not None:
            known = await self._known(principal.organization_id, request.run_id)
            if known is not None:
                return known
        run_id = request.run_id or new_id("run")
        new_conversation_id = new_uuid()

        def unit(tx: Transaction) -> tuple[Begun, str | None]:
            if guard is not None:
                guard(tx)
            return self._admission.admit(tx, principal, request, run_id=run_id, new_conversation_id=new_conversation_id)

        begun, interrupted = await self._store.write(unit)
        live = self._driver.register(begun.run, event_count=begun.run.event_count)
        if begun.run.status == "running":
            live.publish(begun.events)
            self._driver.launch(live, begun)
        if interrupted is not None:
            await self._driver.stop(interrupted, INTERRUPTED)
        return begun.run

    async def _known(self, organization_id: str, run_id: str) -> Run | None:
        return await self._store.read(lambda tx: tx.runs.first(organization_id, id=run_id))

    async def get(self, organization_id: str, run_id: str) -> Run:
        """Return the stored run; NotFound when the organization has none of that id."""
        return await self._store.read(lambda tx: tx.runs.get(organization_id, run_id))

    async def events(self, organization_id: str, run_id: str, after: int = 0) -> AsyncGenerator[StoredEvent, None]:
        """Yield events in order, stored and live, until the last one or until the run waits for a person."""
        batches = self.event_batches(organization_id, run_id, after)
        try:
            async for batch in batches:
                for stored in batch:
                    yield stored
        finally:
            await batches.aclose()

    async def event_batches(
        self, organization_id: str, run_id: str, after: int = 0
    ) -> AsyncGenerator[list[StoredEvent], None]:
        """Like `events`, but what is ready at once comes as one list, up to about 32,000 characters (or one event)."""
        live = self._driver.live(run_id)
        if live is None:
            await self.get(organization_id, run_id)
        elif live.organization_id != organization_id:
            raise NotFound("run", run_id)
        seq = after
        while True:
            live = self._driver.live(run_id)
            batch = live.since(seq) if live is not None else None
            if batch is None:
                batch = await self._read_page(run_id, seq)
            if batch:
                batch = _bounded(batch)
                seq, has_ended = batch[-1].seq, is_final(batch[-1].event)
                live = None  # A reader that takes nothing keeps only what it was given.
                yield batch
                if has_ended:
                    return
            elif live is not None and not live.is_closed:
                await live.wait()
            elif not await self._may_continue(organization_id, run_id, seq):
                return

    async def _read_page(self, run_id: str, after: int) -> list[StoredEvent]:
        return await self._store.read(lambda tx: tx.events.read(run_id, after, _PAGE))

    async def _may_continue(self, organization_id: str, run_id: str, seq: int) -> bool:
        """For a run that is not driven here: False when no event can follow; waits a moment otherwise."""
        run = await self.get(organization_id, run_id)
        if run.event_count > seq:
            return True
        if run.status in FINAL_STATUSES or run.status == "waiting":
            return False
        await asyncio.sleep(_POLL_S)
        return True

    async def result(self, organization_id: str, run_id: str) -> Run:
        """Return the run once it is final, or once it waits for a person."""
        last: StoredEvent | None = None
        async for batch in self.event_batches(organization_id, run_id, self._seen_by_now(run_id)):
            last = batch[-1]
        run = await self.get(organization_id, run_id)
        if last is None and run.status not in (*FINAL_STATUSES, "waiting"):
            raise Gone(f"Run {run_id} ended without a last event.", code="run_lost")
        return run

    def _seen_by_now(self, run_id: str) -> int:
        live = self._driver.live(run_id)
        return live.seq if live is not None and not live.is_closed else 0

    async def find_resumable(
        self,
        organization_id: str,
        *,
        run_id: str | None = None,
        conversation_id: str | None = None,
        agent_id: str | None = None,
        external_id: str | None = None,
        request_id: str | None = None,
    ) -> Run | None:
        """Return the run a reconnecting reader means: by its id, or the latest of the conversation it names."""

        def unit(tx: Transaction) -> Run | None:
            if run_id is not None:
                return tx.runs.first(organization_id, id=run_id)
            found = None
            if conversation_id is not None:
                found = tx.conversations.first(organization_id, id=conversation_id)
            elif agent_id is not None and external_id is not None:
                found = tx.conversations.by_external_id(organization_id, agent_id, external_id)
            if found is not None:
                return tx.runs.latest(found.id, request_id=request_id)
            if request_id is not None:
                runs = tx.runs.find(organization_id, request_id=request_id, newest_first=True, limit=1)
                return runs[0] if runs else None
            return None

        return await self._store.read(unit)

    async def cancel(self, organization_id: str, run_id: str, reason: str = "Cancelled by the caller.") -> Run:
        """End the run at its next pause; a final run is returned as it is. What was shown stays stored."""

        def unit(tx: Transaction) -> Run:
            return self._cancelled(tx, tx.runs.get(organization_id, run_id), reason)

        run = await self._store.write(unit)
        live = self._driver.live(run_id)
        if run.is_final:
            if live is not None:
                self._driver.drop(live)
                await self._driver.promote(run.conversation_id)
            return run
        await self._driver.stop(run_id, reason)
        return await self.result(organization_id, run_id)

    def mark_cancelled(self, tx: Transaction, organization_id: str, run_id: str, reason: str) -> bool:
        """Have a run end, in the caller's transaction; False when it has ended or is not there.

        One that nobody drives ends with the transaction, another one when its lease is renewed; `cancel` makes it now.
        """
        run = tx.runs.first(organization_id, id=run_id)
        if run is None or run.is_final:
            return False
        self._cancelled(tx, run, reason)
        return True

    def _cancelled(self, tx: Transaction, run: Run, reason: str) -> Run:
        if run.status in ("queued", "waiting"):
            return self._driver.end_idle(tx, run, RunCancelled(reason=reason, output=run.output))
        if not run.is_final:
            tx.runs.request_cancel(run.id, reason)
        return run

    async def decide(
        self, organization_id: str, run_id: str, approval_id: str, *, is_approved: bool, decided_by: str, note: str = ""
    ) -> Run:
        """Answer an approval and let the run go on. Conflict when it does not wait for that approval."""
        now = self._clock.now()

        def unit(tx: Transaction) -> Begun:
            run = tx.runs.get(organization_id, run_id)
            events = tx.events.read(run_id, 0, _EVENTS_MAX)
            requested = [e.event for e in events if isinstance(e.event, ApprovalRequested)]
            request = next((r for r in requested if r.approval_id == approval_id), None)
            decided = {e.event.approval_id for e in events if isinstance(e.event, ApprovalDecided)}
            if request is None:
                raise NotFound("approval", approval_id)
            if run.status != "waiting" or approval_id in decided:
                raise Conflict("This call does not wait for approval.", code="not_waiting")
            run = replace(
                run,
                status="running",
                lease_owner=self._settings.owner,
                lease_until=now + timedelta(seconds=self._settings.lease_s),
            )
            tx.runs.put(run)
            decision = ApprovalDecided(
                approval_id=approval_id,
                call_id=request.call_id,
                is_approved=is_approved,
                decided_by=decided_by,
                note=note,
            )
            tx.events.append(run.id, self._settings.owner, run.event_count + 1, [(now, decision)])
            return self._driver.load(tx, replace(run, event_count=run.event_count + 1))

        begun = await self._store.write(unit)
        self._driver.launch(self._driver.register(begun.run, event_count=begun.run.event_count), begun)
        return begun.run


def _bounded(batch: list[StoredEvent]) -> list[StoredEvent]:
    if len(batch) == 1:
        return batch
    size = 0
    for count, stored in enumerate(batch):
        size += size_of(stored.event)
        if size > _BATCH_CHARS_MAX and count:
            return batch[:count]
    return batch
