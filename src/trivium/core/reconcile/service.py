"""The one writer of configuration: export, plan and apply, whoever asks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import anyio

from trivium.core.errors import Conflict, CoreError, NotFound, NotPermitted
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent
from trivium.core.model.config import ApplyResult, Cause, FailedOp, Op, Plan, Revision, Sections
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.knowledge import Collection
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.reconcile import checks, revisions
from trivium.core.reconcile.overview import Overview, delete_agent, overviews, rename_item
from trivium.core.reconcile.plan import as_whole, make_plan, running_order
from trivium.core.reconcile.sections import SECTIONS, Write, read_sections, write_op
from trivium.core.reconcile.shapes import SHAPES, SHAPES_BY_NAME
from trivium.core.reconcile.turns import Turns, to_the_end
from trivium.core.services.agent_removal import agent_removal_job

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Exported:
    """An agent's configuration as far as the caller may see it; `omitted` are the sections it may not."""

    sections: JSONObject
    omitted: tuple[str, ...]
    version: int
    has_jwt_secret: bool = False


@dataclass(frozen=True, kw_only=True)
class ApplyRequest:
    """A document and how to apply it.

    `base_version` and `plan_hash` bind it to what was seen before: Conflict (a failed precondition) when either is no
    longer true. `is_checked` refuses the whole when one op is known to be refused; `is_atomic` keeps all or nothing,
    `is_whole` clears the fields the document leaves out.
    """

    sections: Sections
    prune: bool = True
    is_dry_run: bool = False
    base_version: int | None = None
    plan_hash: str | None = None
    deletes_max: int | None = None
    is_checked: bool = False
    is_atomic: bool = False
    is_whole: bool = False
    cause: Cause = "apply"
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """A plan against a state, and which of its ops will be refused."""

    plan: Plan
    agent: Agent
    refusals: Mapping[tuple[str, str | None], CoreError]
    has_jwt_secret: bool


@dataclass(kw_only=True)
class _Progress:
    """How far an apply has come."""

    agent: Agent
    revision: Revision | None = None
    done: list[Op] = field(default_factory=list)
    failed: FailedOp | None = None


class Configs:
    """Plans and applies configurations. Applies of one agent happen one after the other, across processes too."""

    def __init__(self, *, store: Store, clock: Clock, lease_s: float = 12.0, wait_s: float = 20.0) -> None:
        self._store = store
        self._clock = clock
        self.turns = Turns(store=store, clock=clock, lease_s=lease_s, wait_s=wait_s)

    async def export(self, principal: Principal, agent_id: str) -> Exported:
        """Return the configuration; sections without a read scope are left out and named. Needs `agents:read`."""
        checks.require_agent(principal, agent_id)
        checks.require_sections(principal, ["agent"], is_write=False)

        def unit(tx: Transaction) -> tuple[Agent, JSONObject, bool]:
            agent = tx.agents.get(principal.organization_id, agent_id)
            return agent, read_sections(tx, agent), _has_jwt_secret(tx, agent)

        agent, sections, has_secret = await self._store.read(unit)
        omitted = tuple(shape.name for shape in SHAPES if not checks.may_read(principal, shape.name))
        return Exported(
            sections=self.visible(principal, sections),
            omitted=omitted,
            version=agent.version,
            has_jwt_secret=has_secret,
        )

    async def section(self, principal: Principal, agent_id: str, section: str) -> JSON:
        """Return one section; NotFound. Whoever may write it may read it, too."""
        checks.require_agent(principal, agent_id)
        is_write = not checks.may_read(principal, section)
        checks.require_sections(principal, [section], is_write=is_write)
        organization_id = principal.organization_id
        return await self._store.read(lambda tx: SECTIONS[section].read(tx, tx.agents.get(organization_id, agent_id)))

    async def collections(self, principal: Principal, agent_id: str) -> list[Collection]:
        """Return the collections of an agent, for whoever works with its documents; NotFound."""
        checks.require_agent(principal, agent_id)

        def unit(tx: Transaction) -> list[Collection]:
            tx.agents.get(principal.organization_id, agent_id)
            return tx.collections.find(principal.organization_id, agent_id=agent_id, limit=10_000)

        return await self._store.read(unit)

    def visible(self, principal: Principal, sections: Sections) -> JSONObject:
        """Return the sections that the caller may read."""
        return {name: content for name, content in sections.items() if checks.may_read(principal, name)}

    async def apply(self, principal: Principal, agent_id: str, request: ApplyRequest) -> ApplyResult:
        """Plan the document against the agent and, unless it is a dry run, run the plan.

        Raises before anything is written: NotPermitted when a scope of a section is missing, NotFound, InvalidRequest
        naming the place, Conflict for a failed precondition, too many deletes or (code `busy`) another writer. An op
        that fails later stops the run and is reported in the result; what was done before stays done.
        """
        checks.require_agent(principal, agent_id)
        wanted = [name for name, content in request.sections.items() if content is not None]
        checks.require_sections(principal, wanted, is_write=not request.is_dry_run)
        checks.check_size(request.sections)
        organization_id = principal.organization_id
        if request.is_dry_run:
            prepared = await self._prepare(organization_id, agent_id, request)
            return _dry_result(prepared)
        async with self.turns.turn(organization_id, agent_id) as owner:
            prepared = await self._prepare(organization_id, agent_id, request)
            # A caller who has gone must not leave half an apply behind.
            return await to_the_end(self._run(principal, prepared, request, owner))

    async def create(self, principal: Principal, sections: Sections) -> Agent:
        """Return a new agent with this configuration, all or nothing; a name is needed.

        A credential that is for some agents only makes no new ones (NotPermitted).
        """
        if principal.agent_ids is not None:
            raise NotPermitted("This credential is for some agents only.", code="agent_not_allowed")
        checks.require_sections(principal, ["agent", *sections], is_write=True)
        checks.check_size(sections)
        now = self._clock.now()
        empty: Sections = {shape.name: [] if shape.key else shape.defaults for shape in SHAPES}
        plan = make_plan(empty, sections)
        for error in checks.refusals(plan, empty).values():
            raise error
        ops = [op for op in running_order(plan) if op.action != "noop"]
        agent = Agent(
            id=new_id("agent"),
            organization_id=principal.organization_id,
            name="",
            created_at=now,
            updated_at=now,
            version=0,
        )

        def unit(tx: Transaction) -> Agent:
            tx.agents.add(agent)
            made = agent
            for op in ops or [Op(section="agent", action="update", after={})]:
                made = write_op(Write(tx=tx, agent=made, op=op, now=now))
            entry = revisions.Entry(principal=principal, cause="create", ops=ops)
            revisions.record(tx, made, entry, now)
            return made

        return await self._store.write(unit)

    async def change(
        self, principal: Principal, agent_id: str, sections: Sections, *, cause: Cause = "edit", prune: bool = False
    ) -> ApplyResult:
        """Apply a part of a configuration all or nothing; the failure of an op is raised. For single resources."""
        request = ApplyRequest(sections=sections, prune=prune, cause=cause, is_checked=True, is_atomic=True)
        return await self._strictly(principal, agent_id, request)

    async def remove(self, principal: Principal, agent_id: str, section: str, key: str) -> ApplyResult:
        """Delete one item of a list section. NotFound when it is not there, Conflict when it is in use or protected."""
        checks.require_agent(principal, agent_id)
        checks.require_sections(principal, [section], is_write=True)
        shape = next(shape for shape in SHAPES if shape.name == section)

        def unit(tx: Transaction) -> JSONObject:
            return read_sections(tx, tx.agents.get(principal.organization_id, agent_id))

        for _ in range(3):
            items = (await self._store.read(unit))[section]
            kept = (
                [one for one in items if isinstance(one, dict) and one.get(shape.key or "") != key]
                if isinstance(items, list)
                else []
            )
            if not isinstance(items, list) or len(kept) == len(items):
                raise NotFound(section.removesuffix("s"), key)
            request = ApplyRequest(
                sections={section: [*kept]}, cause="edit", is_checked=True, is_atomic=True, deletes_max=1
            )
            try:
                return await self._strictly(principal, agent_id, request)
            except Conflict as error:
                # Something was added between reading and planning: look again rather than delete it.
                if error.code != "too_many_deletes":
                    raise
        raise Conflict("The configuration changes too fast; try again.", code="busy")

    async def rename(self, principal: Principal, agent_id: str, section: str, *, old: str, new: str) -> None:
        """Give a tool server or skill another name; id, secrets and what refers to it stay. NotFound, Conflict."""
        checks.require_agent(principal, agent_id)
        checks.require_sections(principal, [section], is_write=True)
        name = str(SHAPES_BY_NAME[section].normalized("name", new))

        def unit(tx: Transaction, agent: Agent) -> tuple[Agent, None]:
            return rename_item(tx, agent, section=section, old=old, new=name), None

        await self.write(principal, agent_id, unit, cause="rename")

    async def close_abandoned(self, organization_id: str, agent_id: str) -> None:
        """Close a revision that a process which died has left open, as soon as nobody holds the agent's turn."""

        def is_abandoned(tx: Transaction) -> bool:
            latest = tx.revisions.latest(organization_id, agent_id)
            lease = tx.config_leases.first(organization_id, id=agent_id)
            is_held = lease is not None and lease.until > self._clock.now()
            return latest is not None and latest.status == "applying" and not is_held

        def unit(tx: Transaction) -> None:
            if is_abandoned(tx):
                revisions.settle(tx, organization_id, agent_id, self._clock.now())

        if await self._store.read(is_abandoned):
            await self._store.write(unit)

    async def delete(self, principal: Principal, agent_id: str) -> None:
        """Delete an agent with all that belongs to it; Conflict when it is protected.

        It is gone at once; its documents, conversations and runs are deleted by a job that is queued with it.
        """
        checks.require_agent(principal, agent_id)
        checks.require_sections(principal, ["agent"], is_write=True)
        organization_id = principal.organization_id

        def unit(tx: Transaction) -> None:
            agent = tx.agents.get(organization_id, agent_id)
            if checks.is_protected(agent.settings.get("protected"), "agent", None):
                raise Conflict("This agent is protected from deletion.", code="delete_protected")
            delete_agent(tx, agent)
            tx.jobs.enqueue(agent_removal_job(organization_id, agent_id, self._clock.now()))

        async with self.turns.turn(organization_id, agent_id):
            await to_the_end(self._store.write(unit))

    async def agents(
        self,
        principal: Principal,
        agent_id: str | None = None,
        *,
        section: str = "agent",
        is_after_write: bool = False,
    ) -> list[Overview]:
        """Return agents the caller may see, oldest first, or the one that is named; NotFound.

        Needs the read scope of the section the caller asks for; whoever just wrote it (`is_after_write`) gets to see
        what came of it.
        """
        if agent_id is not None:
            checks.require_agent(principal, agent_id)
        checks.require_sections(
            principal, [section], is_write=is_after_write and not checks.may_read(principal, section)
        )
        return await self._store.read(lambda tx: overviews(tx, principal, agent_id))

    def note_before(self, tx: Transaction, agent: Agent) -> None:
        """Leave a revision of what nobody noted, before another service writes, in its transaction and its turn."""
        revisions.catch_up(tx, agent, self._clock.now())

    def note_write(self, tx: Transaction, principal: Principal, agent: Agent, kind: str) -> None:
        """Leave a revision of a write that another service made, in its transaction; tidy up after a deletion."""
        if kind == "agent.deleted":
            delete_agent(tx, agent)
            return
        latest = tx.revisions.latest(agent.organization_id, agent.id)
        ops: Sequence[Op] = ()
        if latest is not None:
            before = tx.revision_documents.get(agent.organization_id, latest.id).sections or {}
            ops = make_plan(before, as_whole(before, read_sections(tx, agent))).changes
        cause: Cause = "create" if kind == "agent.created" else "edit"
        revisions.record(tx, agent, revisions.Entry(principal=principal, cause=cause, ops=ops), self._clock.now())

    async def write(
        self,
        principal: Principal,
        agent_id: str,
        unit: Callable[[Transaction, Agent], tuple[Agent, R]],
        *,
        cause: Cause,
    ) -> R:
        """Run a unit that changes configuration in another way than by a plan (rename, secrets); leaves a revision."""
        now = self._clock.now()

        def whole(tx: Transaction) -> R:
            agent = tx.agents.get(principal.organization_id, agent_id)
            changed, value = unit(tx, agent)
            changed = replace(changed, version=agent.version + 1, updated_at=now)
            tx.agents.put(changed)
            revisions.record(tx, changed, revisions.Entry(principal=principal, cause=cause), now)
            return value

        async with self.turns.turn(principal.organization_id, agent_id):
            return await to_the_end(self._store.write(whole))

    async def _strictly(self, principal: Principal, agent_id: str, request: ApplyRequest) -> ApplyResult:
        result = await self.apply(principal, agent_id, request)
        if result.failed is not None:
            raise result.failed.error
        return result

    async def _prepare(self, organization_id: str, agent_id: str, request: ApplyRequest) -> _Prepared:
        def unit(tx: Transaction) -> tuple[Agent, JSONObject, dict[str, str], bool]:
            agent = tx.agents.get(organization_id, agent_id)
            servers = tx.mcp_servers.find(organization_id, agent_id=agent_id, limit=10_000)
            names = {server.id: server.name for server in servers}
            return agent, read_sections(tx, agent), names, _has_jwt_secret(tx, agent)

        agent, current, names_by_id, has_secret = await self._store.read(unit)
        if request.base_version is not None and request.base_version != agent.version:
            raise _stale("The configuration has changed since it was read.", agent)
        desired = checks.with_server_names(request.sections, names_by_id)
        if request.is_whole:
            desired = as_whole(current, desired)
        # Large documents take some tenths of a second; other requests go on meanwhile.
        plan = await anyio.to_thread.run_sync(lambda: make_plan(current, desired, prune=request.prune))
        if request.plan_hash is not None and request.plan_hash != checks.plan_hash(plan):
            raise _stale("The plan is no longer what was reviewed.", agent)
        checks.require_few_deletes(plan, request.deletes_max)
        refusals = checks.refusals(plan, current)
        if request.is_checked and refusals:
            raise next(refusals[op.section, op.key] for op in plan.ops if (op.section, op.key) in refusals)
        return _Prepared(plan=plan, agent=agent, refusals=refusals, has_jwt_secret=has_secret)

    async def _run(self, principal: Principal, prepared: _Prepared, request: ApplyRequest, owner: str) -> ApplyResult:
        entry = revisions.Entry(
            principal=principal,
            cause=request.cause,
            ops=[op for op in running_order(prepared.plan) if op.action != "noop"],
            note=request.note,
        )
        progress = _Progress(agent=prepared.agent)
        sections: JSONObject | None = None
        try:
            if request.is_atomic and entry.ops:
                sections = await self._run_at_once(prepared, entry, progress, owner)
            else:
                sections = await self._run_one_by_one(prepared, entry, progress, owner)
        except NotFound as error:
            # The agent was deleted meanwhile: there is nothing left to show or to log.
            if error.kind != "agent":
                raise
        return ApplyResult(
            is_dry_run=False,
            plan=prepared.plan,
            base_version=prepared.agent.version,
            version=progress.agent.version,
            done=tuple(progress.done),
            failed=progress.failed,
            sections=sections,
            has_jwt_secret=prepared.has_jwt_secret,
            revision=None if progress.revision is None else progress.revision.number,
        )

    async def _run_one_by_one(
        self, prepared: _Prepared, entry: revisions.Entry, progress: _Progress, owner: str
    ) -> JSONObject:
        organization_id, agent_id = prepared.agent.organization_id, prepared.agent.id
        if entry.ops:
            progress.revision = await self._store.write(
                lambda tx: revisions.begin(tx, self._current(tx, prepared.agent, owner), entry, self._clock.now())
            )
        for op in running_order(prepared.plan):
            if op.action == "noop":
                progress.done.append(op)
                continue
            try:
                if (op.section, op.key) in prepared.refusals:
                    raise prepared.refusals[op.section, op.key]
                progress.agent, progress.revision = await self._store.write(self._unit_of(op, progress, owner))
            except CoreError as error:
                progress.failed = FailedOp(op=op, error=error)
                break
            progress.done.append(op)
        revision, failed = progress.revision, progress.failed
        if revision is None:
            return await self._store.read(lambda tx: read_sections(tx, tx.agents.get(organization_id, agent_id)))
        return await self._store.write(
            lambda tx: revisions.finish(
                tx,
                revision,
                tx.agents.get(organization_id, agent_id),
                error=failed.error if failed else None,
                now=self._clock.now(),
            )
        )

    def _unit_of(self, op: Op, progress: _Progress, owner: str) -> Callable[[Transaction], tuple[Agent, Revision]]:
        agent, revision = progress.agent, progress.revision
        if revision is None:
            raise ValueError("an op that writes needs an open revision")

        def unit(tx: Transaction) -> tuple[Agent, Revision]:
            current = self._current(tx, agent, owner)
            changed = write_op(Write(tx=tx, agent=current, op=op, now=self._clock.now()))
            return changed, revisions.progress(tx, revision, changed)

        return unit

    async def _run_at_once(
        self, prepared: _Prepared, entry: revisions.Entry, progress: _Progress, owner: str
    ) -> JSONObject:
        current_op = [prepared.plan.ops[0]]

        def unit(tx: Transaction) -> tuple[Agent, Revision, JSONObject]:
            now = self._clock.now()
            agent = self._current(tx, prepared.agent, owner)
            revision = revisions.begin(tx, agent, entry, now)
            for op in entry.ops:
                current_op[0] = op
                if (op.section, op.key) in prepared.refusals:
                    raise prepared.refusals[op.section, op.key]
                agent = write_op(Write(tx=tx, agent=agent, op=op, now=now))
                revision = revisions.progress(tx, revision, agent)
            return agent, revision, revisions.finish(tx, revision, agent, error=None, now=now)

        organization_id, agent_id = prepared.agent.organization_id, prepared.agent.id
        try:
            progress.agent, progress.revision, sections = await self._store.write(unit)
        except CoreError as error:
            progress.failed = FailedOp(op=current_op[0], error=error)
            return await self._store.read(lambda tx: read_sections(tx, tx.agents.get(organization_id, agent_id)))
        progress.done = [*running_order(prepared.plan)]
        return sections

    def _current(self, tx: Transaction, expected: Agent, owner: str) -> Agent:
        """Return the agent, or raise when anybody else wrote it since we looked."""
        self.turns.hold(tx, expected.organization_id, expected.id, owner)
        agent = tx.agents.get(expected.organization_id, expected.id)
        if agent.version != expected.version:
            raise Conflict("Somebody else changed the agent meanwhile; apply again.", code="changed_meanwhile")
        return agent


def _dry_result(prepared: _Prepared) -> ApplyResult:
    version = prepared.agent.version
    warnings = tuple(error.message for error in prepared.refusals.values())
    return ApplyResult(is_dry_run=True, plan=prepared.plan, base_version=version, version=version, warnings=warnings)


def _has_jwt_secret(tx: Transaction, agent: Agent) -> bool:
    found = tx.agent_secrets.first(agent.organization_id, agent_id=agent.id, owner_id=agent.id, name="jwt_secret")
    return found is not None


def _stale(message: str, agent: Agent) -> Conflict:
    return Conflict(message, code="precondition_failed", details={"version": agent.version}, is_precondition=True)
