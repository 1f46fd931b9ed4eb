"""Scheduled starts under a moved clock: each once, none lost, none over another."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from tests.core.services.workflows.bench import ORGANIZATION, Bench, open_store, step
from trivium.core.model.workflows import Schedule
from trivium.core.services.workflows.service import Draft


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path)
    bench = Bench(store)
    await bench.driver.open()
    yield bench
    await bench.driver.close(grace_s=1)
    await store.close()


async def _tick(bench: Bench) -> int:
    await bench.timetable.tick()
    await bench.driver.idle()
    return len(await bench.workflows.runs(ORGANIZATION))


async def test_interval_starts_a_run_each_time(bench: Bench) -> None:
    schedule = Schedule(interval_min=30, inputs={"message": "tick"})
    workflow = await bench.save(step("message", "input", {"required": True}), step("a"), schedule=schedule)
    assert await _tick(bench) == 0
    for count in (1, 2, 3):
        bench.clock.advance(minutes=30)
        assert await _tick(bench) == count
        assert await _tick(bench) == count
    runs = await bench.workflows.runs(ORGANIZATION)
    assert {(run.trigger, run.status) for run in runs} == {("schedule", "succeeded")}
    stored = await bench.workflows.get(ORGANIZATION, workflow.id)
    assert stored.next_run_at == bench.clock.now() + timedelta(minutes=30)


@pytest.mark.parametrize(("missed", "count"), [("run_once", 1), ("skip", 0)])
async def test_starts_missed_while_the_server_was_down(bench: Bench, missed: str, count: int) -> None:
    await bench.save(step("a"), schedule=Schedule(interval_min=1, missed=missed))  # type: ignore[arg-type]
    bench.clock.advance(hours=5)
    assert await _tick(bench) == count
    assert await _tick(bench) == count
    bench.clock.advance(minutes=1)
    assert await _tick(bench) == count + 1


@pytest.mark.parametrize(("allows_overlap", "count"), [(False, 1), (True, 3)])
async def test_run_that_still_goes_on_holds_the_next_start_back(bench: Bench, allows_overlap: bool, count: int) -> None:
    schedule = Schedule(interval_min=1, allows_overlap=allows_overlap)
    await bench.save(step("pause", "delay", {"seconds": 86_400}), schedule=schedule)
    for _ in range(3):
        bench.clock.advance(minutes=1)
        await _tick(bench)
    assert len(await bench.workflows.runs(ORGANIZATION)) == count


async def test_two_processes_make_one_start(bench: Bench) -> None:
    other = Bench(bench.store, bench.clock)
    await bench.save(step("a"), schedule=Schedule(interval_min=1))
    bench.clock.advance(minutes=1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.timetable.tick)
        tasks.start_soon(other.timetable.tick)
    await bench.driver.idle()
    await other.driver.idle()
    assert len(await bench.workflows.runs(ORGANIZATION)) == 1
    assert len(bench.effects) + len(other.effects) == 1


async def test_schedule_can_be_switched_off_and_removed(bench: Bench) -> None:
    workflow = await bench.save(step("a"), schedule=Schedule(interval_min=1))
    changes = (
        Draft(schedule=Schedule(interval_min=1, enabled=False)),
        Draft(removes_schedule=True),
        Draft(enabled=False),
    )
    for change in changes:
        assert (await bench.workflows.change(ORGANIZATION, workflow.id, change)).next_run_at is None
        bench.clock.advance(minutes=5)
        assert await _tick(bench) == 0


async def test_workflow_that_was_switched_off_does_not_catch_up(bench: Bench) -> None:
    workflow = await bench.save(step("a"), schedule=Schedule(interval_min=60))
    await bench.workflows.change(ORGANIZATION, workflow.id, Draft(enabled=False))
    bench.clock.advance(days=7)
    again = await bench.workflows.change(ORGANIZATION, workflow.id, Draft(enabled=True))
    assert again.next_run_at == bench.clock.now() + timedelta(minutes=60)
    assert await _tick(bench) == 0


async def test_due_and_clockwork_run_by_themselves(bench: Bench) -> None:
    await bench.timetable.open()
    await bench.save(step("a"), schedule=Schedule(interval_min=1))
    bench.clock.advance(minutes=1)
    with anyio.fail_after(10):
        while not bench.effects:  # noqa: ASYNC110 - the clockwork is what is tested
            await anyio.sleep(0.05)
    await bench.timetable.close(grace_s=1)
