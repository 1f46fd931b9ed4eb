"""Driving runs to their end, and taking over those whose process is gone."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from trivium.core.errors import Conflict, CoreError
from trivium.core.events import RunCancelled, RunEvent, RunFailed, RunFinished, RunResumed
from trivium.core.model.agents import Agent, RunLimits, ToolSpec
from trivium.core.model.budgets import Limit
from trivium.core.model.conversations import Message
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.runs import Run, RunStatus
from trivium.core.ports import BlobStore, ChatMessage, Clock, Store, Transaction
from trivium.core.services.admission import Admission, Begun
from trivium.core.services.budget_counters import counters_of
from trivium.core.services.budgets import limits_of
from trivium.core.services.event_writer import EventWriter, LiveRun
from trivium.core.services.loop import AgentLoop, Tools
from trivium.core.services.models import ModelChoice, Models
from trivium.core.services.progress import Progress, replay
from trivium.core.services.prompt import HISTORY_MESSAGES_MAX, Context, ContextSource, build_messages
from trivium.core.services.sub_agents import delegation_specs
from trivium.core.services.turn import Turn

logger = logging.getLogger(__name__)

_ATTEMPTS_MAX = 8
_EVENTS_MAX = 200_000

# Called in the transaction that ends a run, e.g. to enqueue a callback with it or not at all.
FinishHook = Callable[[Transaction, Run, RunEvent], None]


class RunDriver:
    """Every run this process drives. A run that lost its process is resumed from its own committed events."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        tools: Tools,
        loop: AgentLoop,
        blobs: BlobStore,
        admission: Admission,
        context_sources: Sequence[ContextSource] = (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._tools = tools
        self._loop = loop
        self._blobs = blobs
        self._admission = admission
        self._models: Models = admission.models
        self._settings = admission.settings
        self._context_sources = context_sources
        self._writer = EventWriter(store, clock)
        self._live: dict[str, LiveRun] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._cancels: dict[str, str] = {}
        self._ending: set[str] = set()
        self._stop_listening: Callable[[], None] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self.is_closing = False
        self.finish_hooks: list[FinishHook] = []

    @property
    def live_count(self) -> int:
        """How many runs are driven or queued here."""
        return len(self._live)

    def live(self, run_id: str) -> LiveRun | None:
        """Return the run's live events, when it is driven or queued here."""
        return self._live.get(run_id)

    def register(self, run: Run, *, event_count: int) -> LiveRun:
        live = LiveRun(
            run_id=run.id,
            organization_id=run.organization_id,
            owner=self._settings.owner,
            seq=event_count,
            counters=counters_of(run),
        )
        self._live[run.id] = live
        return live

    def drop(self, live: LiveRun) -> None:
        live.close()
        self._writer.forget(live)
        if self._live.get(live.run_id) is live:
            del self._live[live.run_id]

    def launch(self, live: LiveRun, begun: Begun) -> None:
        task = asyncio.create_task(self._drive(live, begun), name=f"run {begun.run.id}")
        self._tasks[begun.run.id] = task
        task.add_done_callback(lambda _: self._tasks.pop(begun.run.id, None))

    async def _drive(self, live: LiveRun, begun: Begun) -> None:
        run = begun.run
        progress = replay(stored.event for stored in begun.events)
        final: RunEvent | None
        try:
            final = await self._finish_turn(live, begun, progress)
        except asyncio.CancelledError:
            if run.id not in self._cancels:
                return  # The process is stopping: whoever starts next resumes from what is committed.
            final = RunCancelled(reason=self._cancels[run.id], output=progress.output, usage=tuple(progress.usage))
        except CoreError as error:
            if error.code == "lease_lost":
                self._cancels.pop(run.id, None)
                self.drop(live)
                return
            final = _failure(progress, error.code, error.message, error.details)
        except Exception:
            logger.exception("Run %s failed.", run.id)
            final = _failure(progress, "internal_error", "The run failed because of an error in the server.")
        await self._end(live, run, progress, final)

    async def _finish_turn(self, live: LiveRun, begun: Begun, progress: Progress) -> RunFinished | None:
        turn = await self._prepare(live, begun, progress)
        return await self._loop.drive(turn, _Sink(self._writer, live))

    async def _prepare(self, live: LiveRun, begun: Begun, progress: Progress) -> Turn:
        run, agent = begun.run, begun.agent
        choice = self._models.choose(agent.model, begun.accounts)
        specs = {spec.name: spec for spec in await self._tools.specs(agent)} | delegation_specs(begun.sub_agents)
        contexts: list[Context] = []
        for source in self._context_sources:
            context = await source.context(run, agent)
            if context is not None:
                contexts.append(context)
                if context.events and not progress.steps:
                    self._writer.post(live, *context.events)
        messages = await build_messages(
            agent,
            run,
            begun.history,
            contexts=contexts,
            blobs=self._blobs,
            has_knowledge="search_knowledge" in specs and choice.provider.has_language_model,
        )
        return self._turn(begun, choice, messages, specs=specs, progress=progress)

    def _turn(
        self,
        begun: Begun,
        choice: ModelChoice,
        messages: Sequence[ChatMessage],
        *,
        specs: dict[str, ToolSpec],
        progress: Progress,
    ) -> Turn:
        options = begun.agent.settings.get("model_options")
        return Turn(
            run=begun.run,
            agent=begun.agent,
            model=choice,
            messages=messages,
            specs=specs,
            limits=_tightest(begun.agent.limits, self._settings.limits, begun.run.input.limits),
            progress=progress,
            options=options if isinstance(options, dict) else {},
            sub_agents=begun.sub_agents,
            earlier=[stored.event for stored in begun.events],
            budgets=begun.budgets,
            used=progress.usage,
            is_admitted=begun.is_admitted,
        )

    async def _end(self, live: LiveRun, run: Run, progress: Progress, final: RunEvent | None) -> None:
        """Write the last event, the answer and the run's final state in one transaction; then begin the next one."""
        self._ending.add(run.id)
        has_next = False

        def finish(tx: Transaction) -> None:
            nonlocal has_next
            if final is None:
                waiting = tx.runs.get(run.organization_id, run.id)
                tx.runs.put(replace(waiting, status="waiting", lease_owner=None, lease_until=None))
                return
            ended = _ended(run, final, progress, self._clock.now())
            if not tx.runs.finish(ended, self._settings.owner):
                raise Conflict(f"Run {run.id} is driven by another process.", code="lease_lost")
            self._store_answer(tx, ended, final)
            for hook in self.finish_hooks:
                hook(tx, ended, final)
            has_next = tx.runs.next_queued(run.conversation_id) is not None

        try:
            await self._writer.commit(live, *([final] if final is not None else []), extra=finish)
        except CoreError as error:
            logger.warning("The end of run %s could not be written (%s); it will be resumed.", run.id, error.code)
        finally:
            self._ending.discard(run.id)
            self._cancels.pop(run.id, None)
            self.drop(live)
        if has_next:
            await self.promote(run.conversation_id)

    def _store_answer(self, tx: Transaction, run: Run, final: RunEvent) -> None:
        if not run.output:
            return
        now = self._clock.now()
        position = tx.conversations.grow(run.conversation_id, at=now)
        if position is None:
            return  # Deleted while the run went on.
        sources = [source.name for source in final.sources] if isinstance(final, RunFinished) else []
        tx.messages.add(
            Message(
                id=new_id("msg"),
                organization_id=run.organization_id,
                conversation_id=run.conversation_id,
                position=position,
                role="assistant",
                text=run.output,
                created_at=now,
                run_id=run.id,
                data={"sources": list(sources)} if sources else {},
            )
        )

    def end_idle(self, tx: Transaction, run: Run, final: RunCancelled) -> Run:
        """End a run that nobody drives: one that is queued or waits for approval."""
        now = self._clock.now()
        tx.runs.put(replace(run, lease_owner=self._settings.owner))
        tx.events.append(run.id, self._settings.owner, run.event_count + 1, [(now, final)])
        ended = replace(run, status="cancelled", finished_at=now, error_message=final.reason)
        tx.runs.finish(ended, self._settings.owner)
        for hook in self.finish_hooks:
            hook(tx, ended, final)
        return ended

    async def stop(self, run_id: str, reason: str) -> None:
        self._stop(run_id, reason)

    def _stop(self, run_id: str, reason: str) -> None:
        task = self._tasks.get(run_id)
        # Whoever asks first is heard; what is being written as the end is not to be cut off.
        if task is not None and run_id not in self._cancels and run_id not in self._ending:
            self._cancels[run_id] = reason
            task.cancel()

    def _on_cancel(self, key: str) -> None:
        run_id, _, reason = key.partition(" ")
        self._stop(run_id, reason)

    async def promote(self, conversation_id: str) -> None:
        """Begin the oldest queued run of a conversation that has become free."""
        if self.is_closing:
            return

        def unit(tx: Transaction) -> Begun | None:
            if tx.runs.active(conversation_id) is not None:
                return None
            queued = tx.runs.next_queued(conversation_id)
            run = None if queued is None else self._claim(tx, queued.id)
            if run is None:
                return None
            conversation = tx.conversations.first(run.organization_id, id=conversation_id)
            if conversation is None:
                return None
            agent = tx.agents.get(run.organization_id, run.agent_id)
            accounts = tx.model_accounts.find(run.organization_id, limit=20)
            begun = self._admission.begin(tx, run, agent, conversation=conversation, accounts=accounts, is_new=False)
            return replace(begun, budgets=_limits(tx, run, agent))

        begun = await self._store.write(unit)
        if begun is None:
            return
        live = self._live.get(begun.run.id) or self.register(begun.run, event_count=0)
        live.publish(begun.events)
        self.launch(live, begun)

    async def open(self, *, takes_over: str | None = None) -> None:
        """Begin to write events, renew leases and resume what lost its process.

        `takes_over`: owners whose name begins so are known to be dead (the data folder's lock proves it): their runs
        are resumed at once instead of after the lease.
        """
        self._writer.start()
        self._stop_listening = self._store.subscribe("cancels", self._on_cancel)
        if takes_over is not None:
            prefix = takes_over
            await self._store.write(lambda tx: tx.runs.release(prefix))
        await self._resume_orphans()
        self._keeper = asyncio.create_task(self._keep(), name="run-keeper")

    async def close(self, *, grace_s: float = 5.0) -> None:
        """Take no new runs, give those that go on `grace_s` to end, leave the rest to be resumed."""
        self.is_closing = True
        if self._stop_listening is not None:
            self._stop_listening()
        if self._keeper is not None:
            self._keeper.cancel()
        tasks = list(self._tasks.values())
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=grace_s)
            for task in unfinished:
                task.cancel()
            if unfinished:
                await asyncio.wait(unfinished)
        await self._writer.close()
        await self._store.write(lambda tx: tx.runs.release(self._settings.owner))
        for live in list(self._live.values()):
            live.close()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_s / 3)
            try:
                await self._renew()
                await self._resume_orphans()
                await self._let_go()
            except CoreError as error:
                logger.warning("Leases could not be renewed: %s", error.message)
            except Exception:
                logger.exception("Leases could not be renewed.")

    async def _renew(self) -> None:
        until = self._clock.now() + timedelta(seconds=self._settings.lease_s)
        async with self._writer.turn:
            cancelled = await self._store.write(lambda tx: tx.runs.renew(self._settings.owner, until))
        for run_id in cancelled:
            await self.stop(run_id, "Cancelled by the caller.")

    async def _let_go(self) -> None:
        """Forget queued runs that another process has begun meanwhile: their readers go on in the store."""
        waiting = [live for run_id, live in self._live.items() if run_id not in self._tasks]
        if not waiting:
            return

        def unit(tx: Transaction) -> list[LiveRun]:
            found = [(live, tx.runs.first(live.organization_id, id=live.run_id)) for live in waiting]
            return [live for live, run in found if run is None or run.lease_owner != self._settings.owner]

        for live in await self._store.read(unit):
            if live.run_id not in self._tasks:
                self.drop(live)

    async def _resume_orphans(self) -> None:
        now = self._clock.now()
        orphans = await self._store.read(lambda tx: tx.runs.orphans(now, 200))
        for run in orphans:
            if run.status == "queued":
                await self.promote(run.conversation_id)
            elif run.id not in self._tasks:
                await self._resume(run.id)

    async def _resume(self, run_id: str) -> None:
        def unit(tx: Transaction) -> Begun | None:
            run = self._claim(tx, run_id)
            return None if run is None else self.load(tx, run)

        begun = await self._store.write(unit)
        if begun is None:
            return
        live = self.register(begun.run, event_count=begun.run.event_count)
        if begun.run.attempt > _ATTEMPTS_MAX:
            progress = replay(stored.event for stored in begun.events)
            message = f"The run was interrupted {_ATTEMPTS_MAX} times and is given up."
            await self._end(live, begun.run, progress, _failure(progress, "too_many_attempts", message))
            return
        self._writer.post(live, RunResumed(attempt=begun.run.attempt))
        self.launch(live, begun)

    def _claim(self, tx: Transaction, run_id: str) -> Run | None:
        now = self._clock.now()
        until = now + timedelta(seconds=self._settings.lease_s)
        return tx.runs.claim(run_id, self._settings.owner, until, now=now)

    def load(self, tx: Transaction, run: Run) -> Begun:
        agent = tx.agents.get(run.organization_id, run.agent_id)
        accounts = tx.model_accounts.find(run.organization_id, limit=20)
        tail = tx.messages.past(run.conversation_id, HISTORY_MESSAGES_MAX)
        history = [message for message in tail if message.run_id != run.id]
        events = tx.events.read(run.id, 0, _EVENTS_MAX)
        return Begun(
            run=run,
            agent=agent,
            history=history,
            accounts=accounts,
            sub_agents=tx.sub_agents.find(agent.organization_id, agent_id=agent.id),
            events=events,
            budgets=_limits(tx, run, agent),
        )


class _Sink:
    """The loop's way to the writer, for one run."""

    def __init__(self, writer: EventWriter, live: LiveRun) -> None:
        self._writer = writer
        self._live = live

    def text(self, piece: str) -> bool:
        return self._writer.text(self._live, piece)

    async def drain(self) -> None:
        await self._writer.drain(self._live)

    def post(self, *events: RunEvent) -> None:
        self._writer.post(self._live, *events)

    async def commit(self, *events: RunEvent) -> None:
        await self._writer.commit(self._live, *events)


def _limits(tx: Transaction, run: Run, agent: Agent) -> Sequence[Limit]:
    return limits_of(tx, agent, key_id=run.key_id, visitor_id=run.visitor_id)


def _tightest(*limits: RunLimits | None) -> RunLimits:
    """Return, limit by limit, the smallest that is set."""
    given = [limit for limit in limits if limit is not None]

    def least(values: Sequence[float | None]) -> float | None:
        return min((value for value in values if value is not None), default=None)

    tokens = least([limit.tokens_max for limit in given])
    return RunLimits(
        steps_max=min(limit.steps_max for limit in given),
        tool_calls_max=min(limit.tool_calls_max for limit in given),
        tokens_max=None if tokens is None else int(tokens),
        duration_s_max=least([limit.duration_s_max for limit in given]),
        cost_usd_max=least([limit.cost_usd_max for limit in given]),
    )


def _failure(progress: Progress, code: str, message: str, details: Mapping[str, object] | None = None) -> RunFailed:
    plain: JSONObject = {
        key: value for key, value in (details or {}).items() if isinstance(value, str | int | float | bool)
    }
    return RunFailed(code=code, message=message, output=progress.output, usage=tuple(progress.usage), details=plain)


_STATUS: dict[type[RunEvent], RunStatus] = {
    RunFinished: "succeeded",
    RunFailed: "failed",
    RunCancelled: "cancelled",
}


def _ended(run: Run, final: RunEvent, progress: Progress, now: datetime) -> Run:
    failed = final if isinstance(final, RunFailed) else None
    cancelled = final if isinstance(final, RunCancelled) else None
    return replace(
        run,
        status=_STATUS[type(final)],
        finished_at=now,
        output=progress.output,
        usage=tuple(progress.usage),
        error_code=failed.code if failed else None,
        error_message=failed.message if failed else cancelled.reason if cancelled else None,
    )
