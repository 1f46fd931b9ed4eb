"""Applying configurations: order, failures, rights, turns, and what survives a killed process."""

import itertools
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings

from tests.core.reconcile.bench import Bench, caller, new_bench, opened
from tests.core.reconcile.documents import Sections, documents, full_documents
from trivium.core.errors import Conflict, CoreError, NotFound, NotPermitted
from trivium.core.model.config import Revision
from trivium.core.ports import Transaction
from trivium.core.reconcile.checks import plan_hash
from trivium.core.reconcile.history import History
from trivium.core.reconcile.service import ApplyRequest

SERVER = {"name": "crm", "url": "https://crm.example/mcp", "description": "Customers"}
NAMED: Sections = {"agent": {"name": "A"}}
SKILL = {"name": "refunds", "body": "Be kind.", "linked_servers": ["crm"]}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with new_bench(tmp_path / "store.db") as bench:
        yield bench


async def revisions_of(bench: Bench) -> list[Revision]:
    return await bench.store.read(lambda tx: tx.revisions.find("o1", agent_id=bench.agent.id))


async def test_what_is_applied_is_what_the_agent_is(bench: Bench) -> None:
    behavior = {"instructions": "Answer briefly.", "persona": "A clerk", "greeting": "Hello!", "tone": {"x": None}}
    model = {"model": "scripted/echo", "temperature": 1, "max_output_tokens": 99, "seed": 7}
    await bench.apply({"agent": {"name": "Acme 2", "behavior": behavior, "model_settings": model, "open.x-a": [1]}})
    agent = await bench.store.read(lambda tx: tx.agents.get("o1", bench.agent.id))
    assert (agent.name, agent.instructions, agent.persona) == ("Acme 2", "Answer briefly.", "A clerk")
    assert (agent.greeting, agent.model, agent.temperature) == ("Hello!", "scripted/echo", 1.0)
    exported = (await bench.export())["agent"]
    assert (exported["behavior"], exported["model_settings"]) == (behavior, model)
    assert exported["open.x-a"] == [1]


async def test_a_second_apply_changes_no_stored_byte(bench: Bench) -> None:
    document = {"mcp_servers": [SERVER], "skills": [SKILL], "domains": [{"domain": "a.example"}]}
    await bench.apply(document)
    before = await bench.export(), await revisions_of(bench)
    again = await bench.apply(document)
    assert [op.action for op in again.done] == ["noop"] * 3
    assert (await bench.export(), await revisions_of(bench)) == before


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(full_documents, documents)
async def test_dry_run_is_what_runs_and_the_store_gives_back_what_it_took(
    bench: Bench, first: Sections, second: Sections
) -> None:
    one, copy = [Bench(bench.store, await bench.configs.create(caller(), NAMED), bench.configs) for _ in range(2)]
    for document in (first, second):
        planned = await one.apply(document, is_dry_run=True)
        result = await one.apply(document)
        assert result.plan == planned.plan
        assert result.failed is None
        assert not (await one.apply(document, is_dry_run=True)).plan.changes
    exported = await one.export()
    await copy.apply(exported)
    assert await copy.export() == exported
    assert not (await one.apply(exported)).plan.changes


async def test_a_failing_op_stops_the_run_and_keeps_what_was_done(bench: Bench) -> None:
    await bench.apply({"mcp_servers": [SERVER], "skills": [SKILL]})
    result = await bench.apply(
        {"telemetry": {"level": "identified"}, "mcp_servers": [], "domains": [{"domain": "a.io"}]}
    )
    assert result.failed is not None
    assert (result.failed.op.section, result.failed.error.code) == ("mcp_servers", "in_use")
    assert [op.section for op in result.done] == ["telemetry", "domains"]
    assert (await bench.export())["telemetry"]["level"] == "identified"
    revision = (await revisions_of(bench))[-1]
    assert (revision.status, revision.done_count, revision.op_count) == ("failed", 2, 3)
    converged = await bench.apply({"telemetry": {"level": "identified"}, "mcp_servers": [], "skills": []})
    assert converged.failed is None
    assert not (await bench.apply({"mcp_servers": [], "skills": []}, is_dry_run=True)).plan.changes


async def test_atomic_apply_keeps_all_or_nothing(bench: Bench) -> None:
    await bench.apply({"mcp_servers": [SERVER], "skills": [SKILL]})
    before = await bench.export()
    result = await bench.apply({"telemetry": {"level": "identified"}, "mcp_servers": []}, is_atomic=True)
    assert result.failed is not None
    assert result.done == ()
    assert await bench.export() == before


async def test_a_checked_apply_refuses_before_it_writes(bench: Bench) -> None:
    await bench.apply({"mcp_servers": [SERVER], "skills": [SKILL]})
    with pytest.raises(Conflict) as caught:
        await bench.apply({"telemetry": {"level": "identified"}, "mcp_servers": []}, is_checked=True)
    assert caught.value.code == "in_use"
    assert (await bench.export())["telemetry"]["level"] == "full"


async def test_the_scope_of_every_section_is_needed_before_anything_is_written(bench: Bench) -> None:
    reader = caller("agents:read", "agents:write", "skills:read")
    with pytest.raises(NotPermitted) as caught:
        await bench.apply({"agent": {"name": "B"}, "skills": [SKILL]}, by=reader)
    assert caught.value.details == {"scope": "skills:write"}
    assert (await bench.export())["agent"]["name"] == "Acme"
    planned = await bench.apply({"agent": {"name": "B"}, "skills": []}, by=reader, is_dry_run=True)
    assert planned.plan.count("update") == 1


async def test_export_leaves_out_what_the_caller_may_not_read(bench: Bench) -> None:
    exported = await bench.configs.export(caller("agents:read", "skills:read"), bench.agent.id)
    assert [*exported.sections] == ["agent", "collections", "skills"]
    assert len(exported.omitted) == 6


async def test_other_organizations_and_other_keys_do_not_reach_the_agent(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await bench.apply({"agent": {"name": "X"}}, by=caller(organization_id="o2"))
    with pytest.raises(NotPermitted) as caught:
        await bench.apply({"agent": {"name": "X"}}, by=caller(agent_ids=frozenset({"other"})))
    assert caught.value.code == "agent_not_allowed"


async def test_a_base_version_or_plan_that_is_stale_is_refused(bench: Bench) -> None:
    planned = await bench.apply({"agent": {"name": "B"}}, is_dry_run=True)
    bound: dict[str, Any] = {"base_version": planned.base_version, "plan_hash": plan_hash(planned.plan)}
    await bench.apply({"agent": {"name": "C"}})
    for name, value in bound.items():
        with pytest.raises(Conflict) as caught:
            await bench.apply({"agent": {"name": "B"}}, **{name: value})
        assert caught.value.is_precondition


async def test_deletes_can_be_limited_and_things_protected(bench: Bench) -> None:
    await bench.apply({"agent": {"protected": ["skills/refunds"]}, "mcp_servers": [SERVER], "skills": [SKILL]})
    with pytest.raises(Conflict, match="at most 0"):
        await bench.apply({"skills": []}, deletes_max=0)
    result = await bench.apply({"agent": {"protected": []}, "skills": []})
    assert result.failed is not None
    assert result.failed.error.code == "delete_protected"
    assert (await bench.apply({"skills": []})).failed is None


async def test_servers_may_be_named_by_their_ids(bench: Bench) -> None:
    await bench.apply({"mcp_servers": [SERVER]})
    server = await bench.store.read(lambda tx: tx.mcp_servers.find("o1")[0])
    await bench.apply({"skills": [{**SKILL, "linked_servers": [server.id]}]})
    assert (await bench.export())["skills"][0]["linked_servers"] == ["crm"]
    assert not (await bench.apply({"skills": [{**SKILL, "linked_servers": [server.id]}]}, is_dry_run=True)).plan.changes


async def test_a_collection_with_documents_is_not_deleted(bench: Bench) -> None:
    await bench.apply({"collections": {"collections": [{"id": "sw-2025", "name": "2025"}]}})
    await bench.store.write(lambda tx: _add_document(tx, bench.agent.id))
    result = await bench.apply({"collections": {"collections": []}})
    assert result.failed is not None
    assert result.failed.error.code == "collection_not_empty"


def _add_document(tx: Transaction, agent_id: str) -> None:
    from trivium.core.model.knowledge import Document

    collection = tx.collections.find("o1", agent_id=agent_id)[0]
    fields: dict[str, Any] = {"name": "a", "mime_type": "text/plain", "size_bytes": 1, "sha256": "", "blob_key": "b"}
    at = collection.created_at
    document = Document(
        id="d1", organization_id="o1", collection_id=collection.id, created_at=at, updated_at=at, **fields
    )
    tx.documents.add(document)


async def test_twelve_applies_at_once_happen_one_after_the_other(bench: Bench) -> None:
    results = []

    async def one(number: int) -> None:
        results.append(await bench.apply({"agent": {"name": f"N{number}"}, "skills": [{"name": f"s{number}"}]}))

    async with anyio.create_task_group() as tasks:
        for number in range(12):
            tasks.start_soon(one, number)
    assert all(result.failed is None for result in results)
    ranges = sorted((result.base_version, result.version) for result in results)
    assert all(end == start for (_, end), (start, _) in itertools.pairwise(ranges))
    assert len((await bench.export())["skills"]) == 1
    log = await revisions_of(bench)
    assert [revision.number for revision in log] == list(range(1, 14))
    assert {revision.status for revision in log} == {"applied"}


async def test_turns_hold_between_processes(bench: Bench) -> None:
    """A second service over the same store stands for a second process: it shares no lock."""
    from tests.core.reconcile.bench import WallClock
    from trivium.core.reconcile.service import Configs

    other = Configs(store=bench.store, clock=WallClock(), wait_s=0.2)
    async with bench.configs.turns.turn("o1", bench.agent.id):
        with pytest.raises(Conflict) as caught:
            await other.apply(caller(), bench.agent.id, ApplyRequest(sections={"agent": {"name": "B"}}))
    assert caught.value.code == "busy"
    assert (await other.apply(caller(), bench.agent.id, ApplyRequest(sections={"agent": {"name": "B"}}))).failed is None


async def test_a_write_from_elsewhere_is_not_overwritten(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    prepare = bench.configs._prepare

    async def interrupted(*args: Any) -> Any:
        prepared = await prepare(*args)
        agent = prepared.agent
        await bench.store.write(lambda tx: tx.agents.put(replace(agent, name="Other", version=agent.version + 1)))
        return prepared

    monkeypatch.setattr(bench.configs, "_prepare", interrupted)
    with pytest.raises(CoreError) as caught:
        await bench.apply({"agent": {"name": "B"}})
    assert caught.value.code == "changed_meanwhile"
    assert (await bench.export())["agent"]["name"] == "Other"


async def test_an_agent_deleted_meanwhile_leaves_no_configuration(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = bench.configs._prepare

    async def interrupted(*args: Any) -> Any:
        prepared = await prepare(*args)
        await bench.store.write(lambda tx: tx.agents.remove("o1", bench.agent.id))
        return prepared

    monkeypatch.setattr(bench.configs, "_prepare", interrupted)
    result = await bench.apply({"agent": {"name": "B"}})
    assert result.sections is None


KILLED = """
import anyio, sys
from pathlib import Path
from tests.core.reconcile.bench import caller, opened
from trivium.core.reconcile.service import ApplyRequest

async def main():
    async with opened(Path(sys.argv[1]), lease_s=1.0) as (store, configs):
        skills = [{"name": f"s{n:05}"} for n in range(4000)]
        print("ready", flush=True)
        await configs.apply(caller(), sys.argv[2], ApplyRequest(sections={"skills": skills}))

anyio.run(main)
"""


async def test_kill_in_the_middle_of_an_apply(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    async with opened(path, lease_s=1.0) as (store, configs):
        agent = await configs.create(caller(), {"agent": {"name": "Acme"}})
        process = await anyio.open_process([sys.executable, "-c", KILLED, str(path), agent.id])
        deadline = time.monotonic() + 60
        while await store.read(lambda tx: tx.skills.count("o1")) < 20:
            assert time.monotonic() < deadline
            await anyio.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await process.aclose()
        done = await store.read(lambda tx: tx.skills.count("o1"))
        assert 20 <= done < 4000
        history = History(store=store, configs=configs)
        while (await history.list(caller(), agent.id))[0].status == "applying":
            assert time.monotonic() < deadline
            await anyio.sleep(0.02)
        skills: list[Any] = [{"name": f"s{n:05}"} for n in range(done + 5)]
        result = await configs.apply(caller(), agent.id, ApplyRequest(sections={"skills": skills}))
        assert result.failed is None
        assert (result.plan.count("noop"), result.plan.count("create")) == (done, 5)
        log = await store.read(lambda tx: tx.revisions.find("o1", agent_id=agent.id))
        assert [(one.status, one.done_count) for one in log] == [("applied", 1), ("interrupted", done), ("applied", 5)]
        document = await store.read(lambda tx: tx.revision_documents.get("o1", log[1].id))
        assert document.sections is not None
        assert len(document.sections["skills"]) == done  # type: ignore[arg-type]
