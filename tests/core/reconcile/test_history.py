"""Restoring is exact, and every writer leaves its name."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.core.reconcile.bench import Bench, caller, new_bench
from tests.core.reconcile.documents import Sections, documents, full_documents
from trivium.core.errors import InvalidRequest, NotPermitted
from trivium.core.reconcile.history import History


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with new_bench(tmp_path / "store.db") as bench:
        yield bench


def history(bench: Bench) -> History:
    return History(store=bench.store, configs=bench.configs)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(full_documents, documents)
async def test_restoring_gives_back_exactly_what_was(bench: Bench, first: Sections, second: Sections) -> None:
    await bench.apply(first)
    before = await bench.export()
    (latest,) = await history(bench).list(caller(), bench.agent.id, limit=1)
    await bench.apply(second)
    result = await history(bench).restore(caller(), bench.agent.id, latest.number)
    assert result.failed is None
    assert await bench.export() == before


async def test_a_write_by_another_service_is_in_the_log(bench: Bench) -> None:
    person = replace(caller(), kind="user", id="u1", name="ada@example.com")
    agent = await bench.store.read(lambda tx: tx.agents.get("o1", bench.agent.id))
    changed = replace(agent, instructions="Be brief.", version=agent.version + 1)

    def unit(tx: object) -> None:
        tx.agents.put(changed)  # type: ignore[attr-defined]
        bench.configs.note_write(tx, person, changed, "agent.changed")  # type: ignore[arg-type]

    await bench.store.write(unit)
    drift = await history(bench).drift(caller(), bench.agent.id)
    assert [op.changed_fields for op in drift.plan.ops] == [("behavior",)]
    assert [(one.cause, one.actor_name) for one in drift.revisions] == [("edit", "ada@example.com")]


async def test_a_write_that_nobody_noted_is_found_by_the_next_apply(bench: Bench) -> None:
    agent = await bench.store.read(lambda tx: tx.agents.get("o1", bench.agent.id))
    await bench.store.write(lambda tx: tx.agents.put(replace(agent, name="By hand", version=agent.version + 1)))
    await bench.apply({"agent": {"description": "x"}})
    log = await history(bench).list(caller(), bench.agent.id)
    assert [one.cause for one in log] == ["apply", "unnoticed", "create"]


async def test_history_shows_what_the_caller_may_read(bench: Bench) -> None:
    await bench.apply({"access_lists": {"emails": ["a@x.io"]}, "agent": {"description": "x"}})
    _, sections, plan = await history(bench).get(caller("agents:read"), bench.agent.id, 2)
    assert [*sections] == ["agent", "collections"]
    assert [op.section for op in plan.ops] == ["agent"]
    with pytest.raises(NotPermitted):
        await history(bench).list(caller("skills:read"), bench.agent.id)


async def test_a_revision_in_the_making_cannot_be_restored(bench: Bench) -> None:
    await bench.apply({"agent": {"description": "x"}})
    revision = await bench.store.read(lambda tx: tx.revisions.latest("o1", bench.agent.id))
    assert revision is not None
    document = await bench.store.read(lambda tx: tx.revision_documents.get("o1", revision.id))
    await bench.store.write(lambda tx: tx.revision_documents.put(replace(document, sections=None)))
    with pytest.raises(InvalidRequest):
        await history(bench).restore(caller(), bench.agent.id, revision.number)
