"""Workflows as configuration as code: export, plan and apply, through the one service that saves them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio

from trivium.core.errors import Conflict, CoreError, InvalidRequest, NotPermitted
from trivium.core.model.access import Principal
from trivium.core.model.config import FailedOp, Op, Plan, Revision
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.workflows import Workflow
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.reconcile import checks, workflow_log
from trivium.core.reconcile.turns import Turns, to_the_end
from trivium.core.reconcile.workflow_documents import document_of, draft_of
from trivium.core.reconcile.workflow_names import Directory, references
from trivium.core.reconcile.workflow_plan import plan_workflows, referrers, workflows_running_order
from trivium.core.reconcile.workflow_state import State, read_workflows
from trivium.core.services.workflows.service import WORKFLOWS_MAX, Workflows

_PROBLEMS_MAX = 50
_STEP = re.compile(r"steps\[(\d+)\]")
_REVISIONS_MAX = 50
_NOTES_MAX = 200
_WRITES = ("workflow.created", "workflow.changed", "workflow.deleted")


@dataclass(frozen=True, kw_only=True)
class WorkflowSet:
    """All workflows as portable documents, by name. `ambiguous` are names that several have: those are left out."""

    documents: Sequence[JSONObject]
    digest: str
    ambiguous: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class WorkflowsRequest:
    """Wishes and how to apply them. `base` (the digest of a set) and `plan_hash` bind it to what was seen before:
    Conflict (a failed precondition) when either is no longer true. `new_agents` are names of agents that will be there
    when a plan is applied: only a dry run knows them.
    """

    workflows: Sequence[JSONObject]
    prune: bool = False
    is_dry_run: bool = False
    base: str | None = None
    plan_hash: str | None = None
    deletes_max: int | None = None
    new_agents: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class WorkflowsApplied:
    """What an apply did. `base` is the digest the plan was made against; a dry run has no `after`."""

    plan: Plan
    base: str
    after: WorkflowSet | None = None
    done: tuple[Op, ...] = ()
    failed: FailedOp | None = None
    revision: int | None = None


@dataclass(frozen=True, kw_only=True)
class WorkflowDrift:
    """What changed since the last apply, and who changed it: (name of the workflow, what was done, by whom)."""

    since: Revision | None
    plan: Plan
    writes: Sequence[tuple[str, str, str]]
    digest: str


@dataclass(frozen=True, kw_only=True)
class _Prepared:
    """A plan against a state. `new_ids` are those of the workflows it makes, so that others can refer to them."""

    state: State
    directory: Directory
    plan: Plan
    new_ids: Mapping[str, str]


@dataclass(kw_only=True)
class _Progress:
    """How far an apply has come."""

    revision: Revision
    done: list[Op] = field(default_factory=list)
    failed: FailedOp | None = None


class WorkflowConfigs:
    """Plans and applies sets of workflows. Applies in one organization happen one after the other."""

    def __init__(
        self, *, store: Store, clock: Clock, workflows: Workflows, lease_s: float = 12.0, wait_s: float = 20.0
    ) -> None:
        self._store = store
        self._clock = clock
        self._workflows = workflows
        self._turns = Turns(store=store, clock=clock, lease_s=lease_s, wait_s=wait_s)

    async def export(self, principal: Principal) -> WorkflowSet:
        """Return all workflows. Needs `workflows:read` or `workflows:write`; so does all that follows."""
        _require(principal, is_write=False)
        return await self._export(principal.organization_id)

    async def apply(self, principal: Principal, request: WorkflowsRequest) -> WorkflowsApplied:
        """Plan the wishes against what is there and, unless it is a dry run, run the plan.

        Raises before anything is written: NotPermitted, InvalidRequest with the `problems` of all workflows, Conflict
        for a failed precondition, too many deletes, a name that several have, a workflow that is still in use, or
        (code `busy`) another writer. An op that fails later stops the run and is reported; what was done stays done.
        """
        _require(principal, is_write=not request.is_dry_run)
        checks.check_size({"workflows": [*request.workflows]})
        organization_id = principal.organization_id
        if request.is_dry_run:
            prepared = await self._prepare(organization_id, request)
            return WorkflowsApplied(plan=prepared.plan, base=prepared.state.digest)
        async with self._turns.turn(organization_id, workflow_log.subject_of(organization_id)) as owner:
            prepared = await self._prepare(organization_id, request)
            # A caller who has gone must not leave half an apply behind.
            return await to_the_end(self._run(principal, prepared, owner))

    async def drift(self, principal: Principal) -> WorkflowDrift:
        """Return what changed since the last apply that ended; nothing where there was none."""
        _require(principal, is_write=False)
        organization_id = principal.organization_id
        found = await self._store.read(lambda tx: workflow_log.baseline(tx, organization_id, _REVISIONS_MAX))
        state = await self._state(organization_id)
        if found is None:
            return WorkflowDrift(since=None, plan=Plan(), writes=(), digest=state.digest)
        revision, documents = found
        plan = plan_workflows(documents, _as_whole(documents, state.documents), prune=True)
        changed = {op.key for op in plan.changes}
        notes = await self._store.read(
            lambda tx: tx.activity.find(organization_id, newest_first=True, limit=_NOTES_MAX)
        )
        after = revision.finished_at or revision.created_at
        writes = [
            (one.subject, one.type.removeprefix("workflow."), one.actor)
            for one in reversed(notes)
            if one.type in _WRITES and one.at > after and one.subject in changed
        ]
        return WorkflowDrift(since=revision, plan=Plan(ops=plan.changes), writes=writes, digest=state.digest)

    async def _export(self, organization_id: str) -> WorkflowSet:
        state = await self._state(organization_id)
        return WorkflowSet(documents=[*state.documents.values()], digest=state.digest, ambiguous=[*state.ambiguous])

    async def _state(self, organization_id: str, wishes: Sequence[JSONObject] = ()) -> State:
        state = State(await self._store.read(lambda tx: read_workflows(tx, organization_id, wishes)))
        # A thousand workflows take some tenths of a second; other requests go on meanwhile.
        await anyio.to_thread.run_sync(lambda: state.digest)
        return state

    async def _prepare(self, organization_id: str, request: WorkflowsRequest) -> _Prepared:
        state = await self._state(organization_id, request.workflows)
        if request.base is not None and request.base != state.digest:
            raise _stale("The workflows have changed since they were read.")
        prepared = await anyio.to_thread.run_sync(lambda: self._planned(organization_id, state, request))
        if request.plan_hash is not None and request.plan_hash != checks.plan_hash(prepared.plan):
            raise _stale("The plan is no longer what was reviewed.")
        checks.require_few_deletes(prepared.plan, request.deletes_max)
        _refuse_unmanageable(prepared, request)
        return prepared

    def _planned(self, organization_id: str, state: State, request: WorkflowsRequest) -> _Prepared:
        names = [str(wish.get("name")) for wish in request.workflows]
        new_ids = {name: new_id("wf") for name in names if name not in state.by_name and name not in state.ambiguous}
        directory = state.directory(new_ids, request.new_agents if request.is_dry_run else ())
        problems: list[JSONObject] = []
        wishes = []
        for name, wish in zip(names, request.workflows, strict=True):
            stored = state.by_name.get(name)
            known = [] if stored is None else [*references(document_of(stored)), *references(state.documents[name])]
            portable, wrong = directory.read(wish, known)
            problems += [_problem(name, place, reason, wish) for place, reason in wrong]
            wishes.append(portable)
        plan = _plan(state, wishes, prune=request.prune)
        prepared = _Prepared(state=state, directory=directory, plan=plan, new_ids=new_ids)
        for op in plan.changes:
            problems += self._problems(organization_id, prepared, op)
        if problems:
            raise _invalid(problems)
        return prepared

    def _problems(self, organization_id: str, prepared: _Prepared, op: Op) -> list[JSONObject]:
        """Return what the save of this op would refuse; the same check as the save's own."""
        if op.after is None:
            return []
        draft = draft_of(prepared.directory.stored(op.after))
        current = prepared.state.by_name.get(str(op.key))
        try:
            if current is None:
                self._workflows.drafted(organization_id, draft)
            else:
                self._workflows.changed(current, draft)
        except InvalidRequest as error:
            place = str(error.details.get("place") or ("schedule" if error.code == "invalid_schedule" else ""))
            reason = error.details.get("reason")
            said = reason if isinstance(reason, str) else error.message.rstrip(".")
            return [_problem(str(op.key), place, said, op.after)]
        return []

    async def _run(self, principal: Principal, prepared: _Prepared, owner: str) -> WorkflowsApplied:
        organization_id = principal.organization_id
        ops = [op for op in workflows_running_order(prepared.plan) if op.action != "noop"]
        noops = [op for op in prepared.plan.ops if op.action == "noop"]
        if not ops:
            after = await self._export(organization_id)
            return WorkflowsApplied(plan=prepared.plan, base=prepared.state.digest, after=after, done=tuple(noops))

        def start(tx: Transaction) -> Revision:
            self._turns.hold(tx, organization_id, workflow_log.subject_of(organization_id), owner)
            return workflow_log.begin(tx, principal, ops, self._clock.now())

        progress = _Progress(revision=await self._store.write(start), done=noops)
        for op in ops:
            try:
                progress.revision = await self._store.write(
                    self._unit_of(principal, prepared, op, (progress.revision, owner))
                )
            except CoreError as error:
                progress.failed = FailedOp(op=op, error=error)
                break
            progress.done.append(op)
        return await self._finished(organization_id, prepared, progress)

    def _unit_of(
        self, principal: Principal, prepared: _Prepared, op: Op, turn: tuple[Revision, str]
    ) -> Callable[[Transaction], Revision]:
        name = str(op.key)
        revision, owner = turn
        planned = prepared.state.by_name.get(name)
        after = None if op.after is None else draft_of(prepared.directory.stored(op.after))

        def unit(tx: Transaction) -> Revision:
            self._turns.hold(tx, revision.organization_id, revision.agent_id, owner)
            current = _unchanged(tx, revision.organization_id, name, planned)
            if after is None and current is not None:
                self._workflows.drop(tx, current, removed_by=principal.id)
            elif after is not None and current is not None:
                self._workflows.put(tx, current, after, changed_by=principal.id)
            elif after is not None:
                made, _ = self._workflows.drafted(revision.organization_id, after, workflow_id=prepared.new_ids[name])
                # Its secret is nobody's until somebody asks for a new one: what an apply prints lands in logs.
                self._workflows.add(tx, made, created_by=principal.id)
            return workflow_log.progress(tx, revision)

        return unit

    async def _finished(self, organization_id: str, prepared: _Prepared, progress: _Progress) -> WorkflowsApplied:
        after = await self._export(organization_id)
        error = None if progress.failed is None else progress.failed.error
        await self._store.write(
            lambda tx: workflow_log.finish(tx, progress.revision, after.documents, error=error, now=self._clock.now())
        )
        return WorkflowsApplied(
            plan=prepared.plan,
            base=prepared.state.digest,
            after=after,
            done=tuple(progress.done),
            failed=progress.failed,
            revision=progress.revision.number,
        )


def _plan(state: State, wishes: Sequence[JSONObject], *, prune: bool) -> Plan:
    try:
        return plan_workflows([*state.documents.values()], wishes, prune=prune)
    except InvalidRequest as error:
        raise _invalid([_problem(str(error.details.get("key") or ""), "name", error.message.rstrip("."))]) from error


def _unchanged(tx: Transaction, organization_id: str, name: str, planned: Workflow | None) -> Workflow | None:
    """Return the workflow as it is now; Conflict when it is not what the plan was made against."""
    current = tx.workflows.first(organization_id, name=name)
    same = (current is None) == (planned is None)
    if current is not None and planned is not None:
        same = current.id == planned.id and document_of(current) == document_of(planned)
    if not same:
        raise Conflict(f"Somebody else changed {name!r} meanwhile; apply again.", code="changed_meanwhile")
    return current


def _refuse_unmanageable(prepared: _Prepared, request: WorkflowsRequest) -> None:
    """Raise Conflict for what is known to fail: a name that several have, a deletion of what is still referred to."""
    state, plan = prepared.state, prepared.plan
    for wish in request.workflows:
        if same := state.ambiguous.get(str(wish.get("name"))):
            raise Conflict(
                f"{len(same)} workflows are called {wish.get('name')!r}; rename or delete all but one.",
                code="ambiguous_name",
                details={"workflow": str(wish.get("name")), "ids": same},
            )
    gone = {str(op.key) for op in plan.ops if op.action == "delete"}
    kept = {name: document for name, document in state.documents.items() if name not in gone}
    kept |= {str(op.key): op.after for op in plan.changes if op.after is not None}
    for name, place, target in referrers(kept, gone):
        raise Conflict(
            f"{target!r} is still used by {name!r} ({place}).",
            code="in_use",
            details={"workflow": name, "place": place},
        )
    if len(kept) > WORKFLOWS_MAX:
        raise InvalidRequest(f"There may be at most {WORKFLOWS_MAX} workflows.", code="too_many_workflows")


def _as_whole(before: Sequence[JSONObject], after: Mapping[str, JSONObject]) -> list[JSONObject]:
    """Return the documents such that a field which is gone counts as cleared, not as left out."""
    fields = {str(document.get("name")): document.keys() for document in before}
    return [{**dict.fromkeys(fields.get(name, ())), **document} for name, document in after.items()]


def _require(principal: Principal, *, is_write: bool) -> None:
    """A credential that is for some agents only has no say in what belongs to all of them."""
    if principal.kind == "system":
        return
    if principal.agent_ids is not None:
        raise NotPermitted("This credential is for some agents only.", code="agent_not_allowed")
    scopes = ("workflows:write",) if is_write else ("workflows:read", "workflows:write")
    if not any(scope in principal.scopes for scope in scopes):
        raise NotPermitted(f"This needs the scope {scopes[0]}.", code="missing_scope", details={"scope": scopes[0]})


def _problem(workflow: str, place: str, reason: str, document: JSONObject | None = None) -> JSONObject:
    """Return one thing that is wrong, with the key of the step in which it is."""
    found: JSONObject = {"workflow": workflow, "place": place, "reason": reason}
    steps = (document or {}).get("steps")
    number = _STEP.match(place)
    if number is not None and isinstance(steps, list) and isinstance(step := steps[int(number[1])], dict):
        found["step"] = step.get("key")
    return found


def _invalid(problems: Sequence[JSONObject]) -> InvalidRequest:
    first = problems[0]
    place = f" {first['place']}:" if first["place"] else ""
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    return InvalidRequest(
        f"Workflow {first['workflow']!r}:{place} {first['reason']}.{more}",
        code="invalid_workflow",
        details={"problems": [*problems[:_PROBLEMS_MAX]]},
    )


def _stale(message: str) -> Conflict:
    return Conflict(message, code="precondition_failed", is_precondition=True)
