"""Applies of workflow sets over a real store: other writers, dead processes, and what is left in the log."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import anyio
import pytest

from tests.core.reconcile.bench import WallClock, caller
from tests.core.services.workflows.bench import ORGANIZATION, Bench, open_store, step
from trivium.adapters.calendar import CronCalendar
from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.postgres import PostgresStore
from trivium.core.errors import Conflict, NotPermitted
from trivium.core.model.config import Revision
from trivium.core.model.json import JSONObject
from trivium.core.model.organizations import Organization
from trivium.core.model.workflows import WorkflowWrite
from trivium.core.ports import Transaction
from trivium.core.reconcile import workflow_log
from trivium.core.reconcile.workflow_configs import WorkflowConfigs, WorkflowsApplied, WorkflowsRequest
from trivium.core.reconcile.workflow_documents import wish_of
from trivium.core.services.workflows.assembly import stored_workflows
from trivium.core.services.workflows.service import Draft, Workflows

BY = caller(organization_id=ORGANIZATION)
NAMES = [f"w{number}" for number in range(12)]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path, ORGANIZATION, "org_2")
    yield Bench(store)
    await store.close()


@pytest.fixture
def configs(bench: Bench) -> WorkflowConfigs:
    return WorkflowConfigs(store=bench.store, clock=bench.clock, workflows=bench.workflows)


def wish(name: str, **fields: object) -> JSONObject:
    """Return a small workflow."""
    return wish_of(Draft(name=name, steps=(step("a"),), **fields))  # type: ignore[arg-type]


def request(*wishes: JSONObject, **options: object) -> WorkflowsRequest:
    """Return an apply of these workflows."""
    return WorkflowsRequest(workflows=wishes, **options)  # type: ignore[arg-type]


async def revisions(bench: Bench) -> list[Revision]:
    """Return the log, oldest first."""
    subject = workflow_log.subject_of(ORGANIZATION)
    found = await bench.store.read(lambda tx: tx.revisions.page(ORGANIZATION, subject, below=2**62, limit=50))
    return found[::-1]


async def test_change_made_meanwhile_is_never_overwritten(bench: Bench, configs: WorkflowConfigs) -> None:
    await configs.apply(BY, request(wish("A"), wish("B")))

    def meddle(tx: Transaction, write: WorkflowWrite) -> None:
        if write.workflow.name == "A":
            other = tx.workflows.first(ORGANIZATION, name="B")
            assert other is not None
            tx.workflows.put(replace(other, description="Theirs"))

    bench.workflows.write_hooks.append(meddle)
    result = await configs.apply(
        BY, request(wish("A", enabled=False), wish("B", enabled=False), wish("C", enabled=False))
    )
    assert [op.key for op in result.done] == ["C", "A"]
    assert result.failed is not None
    assert (result.failed.op.key, result.failed.error.code) == ("B", "changed_meanwhile")
    stored = await bench.store.read(lambda tx: tx.workflows.first(ORGANIZATION, name="B"))
    assert stored is not None
    assert (stored.description, stored.enabled) == ("Theirs", True)


async def test_name_taken_meanwhile_is_not_made_twice(bench: Bench, configs: WorkflowConfigs) -> None:
    def meddle(tx: Transaction, write: WorkflowWrite) -> None:
        if write.workflow.name == "A":
            made, _ = bench.workflows.drafted(ORGANIZATION, Draft(name="B", steps=(step("x"),)))
            tx.workflows.add(made)

    bench.workflows.write_hooks.append(meddle)
    result = await configs.apply(BY, request(wish("A"), wish("B")))
    assert result.failed is not None
    assert result.failed.error.code == "changed_meanwhile"
    assert await bench.store.read(lambda tx: tx.workflows.count(ORGANIZATION, name="B")) == 1


async def test_applies_at_once_take_turns(bench: Bench, configs: WorkflowConfigs) -> None:
    wishes = [wish(f"w{number}") for number in range(10)]
    made: list[int] = []

    async def one() -> None:
        result = await configs.apply(BY, request(*wishes))
        made.append(sum(op.action == "create" for op in result.done))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(one)
    assert sorted(made) == [0, 0, 0, 10]
    assert await bench.store.read(lambda tx: tx.workflows.count(ORGANIZATION)) == 10


async def test_only_one_of_two_that_saw_the_same_state_wins(configs: WorkflowConfigs) -> None:
    base = (await configs.export(BY)).digest
    outcomes: list[str] = []

    async def one(name: str) -> None:
        try:
            await configs.apply(BY, request(wish(name), base=base))
            outcomes.append("applied")
        except Conflict as error:
            outcomes.append("stale" if error.is_precondition else error.code)

    async with anyio.create_task_group() as group:
        group.start_soon(one, "A")
        group.start_soon(one, "B")
    assert sorted(outcomes) == ["applied", "stale"]


async def test_every_apply_that_writes_leaves_a_revision(bench: Bench, configs: WorkflowConfigs) -> None:
    await configs.apply(BY, request(wish("A"), wish("B")))
    await configs.apply(BY, request(wish("A")))
    await configs.apply(BY, request(wish("A"), prune=True))
    first, second = await revisions(bench)
    assert (first.number, first.status, first.op_count, first.done_count) == (1, "applied", 2, 2)
    assert (second.number, second.status, second.actor_name) == (2, "applied", "ci")


async def test_apply_that_died_is_closed_by_the_next(bench: Bench, configs: WorkflowConfigs) -> None:
    await bench.store.write(lambda tx: workflow_log.begin(tx, BY, [], bench.clock.now()))
    await configs.apply(BY, request(wish("A")))
    assert [one.status for one in await revisions(bench)] == ["interrupted", "applied"]


async def test_unchanged_diagram_keeps_its_version_and_its_secret(bench: Bench, configs: WorkflowConfigs) -> None:
    workflow, secret = await bench.workflows.create(ORGANIZATION, Draft(name="A", steps=(step("a"),)))
    await configs.apply(BY, request(wish("A", description="New")))
    changed = await bench.workflows.authenticate(workflow.id, secret)
    assert (changed.version, changed.description) == (workflow.version, "New")
    await configs.apply(BY, request(wish_of(Draft(name="A", steps=(step("b"),)))))
    versions = await bench.workflows.revisions(ORGANIZATION, workflow.id)
    assert [(one.version, one.created_by) for one in versions] == [(2, BY.id), (1, "")]


async def test_organizations_are_apart(configs: WorkflowConfigs) -> None:
    await configs.apply(BY, request(wish("A")))
    other = caller(organization_id="org_2")
    assert (await configs.export(other)).documents == []
    assert (await configs.apply(other, request(wish("A")))).plan.count("create") == 1
    await configs.apply(other, request(prune=True))
    assert len((await configs.export(BY)).documents) == 1


@pytest.mark.parametrize(
    ("scopes", "may_read", "may_write"),
    [
        (("workflows:read",), True, False),
        (("workflows:write",), True, True),
        (("agents:read", "agents:write", "security:write"), False, False),
    ],
)
async def test_scopes_decide(
    configs: WorkflowConfigs, scopes: tuple[str, ...], may_read: bool, may_write: bool
) -> None:
    by = caller(*scopes, organization_id=ORGANIZATION)
    for is_allowed, call in (
        (may_read, lambda: configs.export(by)),
        (may_read, lambda: configs.drift(by)),
        (may_read, lambda: configs.apply(by, request(wish("A"), is_dry_run=True))),
        (may_write, lambda: configs.apply(by, request(wish("A")))),
    ):
        if is_allowed:
            await call()
        else:
            with pytest.raises(NotPermitted):
                await call()
    with pytest.raises(NotPermitted):
        await configs.export(replace(by, agent_ids=frozenset({"a"})))


@dataclass
class Process:
    """What one process has of its own."""

    store: PostgresStore
    workflows: Workflows
    configs: WorkflowConfigs


async def processes(url: str) -> list[Process]:
    """Return two processes on a new database that knows one organization."""
    await anyio.to_thread.run_sync(migrate, url)
    made = []
    for _ in range(2):
        store, clock = PostgresStore(url), WallClock()
        workflows = stored_workflows(store, clock, CronCalendar())
        made.append(Process(store, workflows, WorkflowConfigs(store=store, clock=clock, workflows=workflows)))
    organization = Organization(id=ORGANIZATION, name="Acme", created_at=WallClock().now())
    await made[0].store.write(lambda tx: tx.organizations.add(organization))
    return made


def described(description: str) -> WorkflowsRequest:
    """Return an apply of a dozen workflows."""
    return WorkflowsRequest(
        workflows=[wish_of(Draft(name=name, description=description, steps=(step("a"),))) for name in NAMES]
    )


async def test_two_processes_apply_one_after_the_other(postgres_url: str) -> None:
    both = await processes(postgres_url)
    results: list[WorkflowsApplied] = []

    async def one(number: int) -> None:
        results.append(await both[number % 2].configs.apply(BY, described("same")))

    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(one, number)
    assert [result.failed for result in results] == [None] * 6
    assert sorted(result.plan.count("create") for result in results) == [0, 0, 0, 0, 0, len(NAMES)]
    assert [one["name"] for one in (await both[1].configs.export(BY)).documents] == sorted(NAMES)
    for process in both:
        await process.store.close()


async def test_saves_beside_an_apply_are_kept_or_told(postgres_url: str) -> None:
    both = await processes(postgres_url)
    await both[0].configs.apply(BY, described("first"))
    ids = {one.name: one.id for one in await both[1].workflows.find(ORGANIZATION)}
    results: list[WorkflowsApplied] = []

    async def save() -> None:
        for name in NAMES:
            await both[1].workflows.change(ORGANIZATION, ids[name], Draft(webhook_enabled=False))

    async def apply() -> None:
        results.append(await both[0].configs.apply(BY, described("second")))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(save)
        tasks.start_soon(apply)
    (result,) = results
    assert result.failed is None or result.failed.error.code == "changed_meanwhile"
    done = {op.key for op in result.done if op.action == "update"}
    stored = {one.name: one for one in await both[0].workflows.find(ORGANIZATION)}
    assert {name for name, one in stored.items() if one.description == "second"} == done
    # Nobody's save was overwritten: the apply wrote what it had read, or nothing.
    assert [name for name, one in stored.items() if one.webhook_enabled] == []
    subject = workflow_log.subject_of(ORGANIZATION)
    log = await both[0].store.read(lambda tx: tx.revisions.page(ORGANIZATION, subject, below=2**62, limit=9))
    assert [one.number for one in log] == [2, 1]
    for process in both:
        await process.store.close()
