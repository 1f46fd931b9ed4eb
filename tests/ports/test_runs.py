"""Leases of runs and their gap-free events."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ports.rows import LATER, NOW, run
from trivium.core.errors import Conflict
from trivium.core.events import RunEvent, RunFinished, TextDelta, ToolReturned
from trivium.core.model.ids import new_id
from trivium.core.ports import Store


async def lease(store: Store, run_id: str = "r1", owner: str = "p1") -> None:
    await store.write(lambda tx: tx.runs.add(run(run_id)))
    assert await store.write(lambda tx: tx.runs.claim(run_id, owner, LATER, now=NOW))


async def append(store: Store, first_seq: int, *events: RunEvent, owner: str = "p1", run_id: str = "r1") -> None:
    await store.write(lambda tx: tx.events.append(run_id, owner, first_seq, [(NOW, event) for event in events]))


async def read(store: Store, run_id: str = "r1", after: int = 0) -> list[tuple[int, RunEvent]]:
    return [(one.seq, one.event) for one in await store.read(lambda tx: tx.events.read(run_id, after, 1000))]


async def test_one_process_at_a_time_holds_a_run(store: Store) -> None:
    await lease(store)
    assert await store.write(lambda tx: tx.runs.claim("r1", "p2", LATER, now=NOW)) is None
    again = await store.write(lambda tx: tx.runs.claim("r1", "p1", LATER, now=NOW))
    assert again is not None
    expired = LATER + timedelta(microseconds=1)
    taken = await store.write(lambda tx: tx.runs.claim("r1", "p2", expired + timedelta(seconds=9), now=expired))
    assert taken is not None
    assert (taken.lease_owner, taken.attempt, taken.status) == ("p2", 3, "running")


async def test_many_want_a_run_and_one_gets_it(store: Store) -> None:
    await store.write(lambda tx: tx.runs.add(run()))
    winners: list[str] = []

    async def claim(owner: str) -> None:
        if await store.write(lambda tx: tx.runs.claim("r1", owner, LATER, now=NOW)):
            winners.append(owner)

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(claim, f"p{number}")
    assert len(winners) == 1


async def test_renewing_tells_which_runs_are_to_be_cancelled(store: Store) -> None:
    await lease(store)
    assert await store.write(lambda tx: tx.runs.renew("p1", LATER)) == []
    stored = await store.read(lambda tx: tx.runs.get("o1", "r1"))
    await store.write(lambda tx: tx.runs.put(replace(stored, cancel_requested=True)))
    assert await store.write(lambda tx: tx.runs.renew("p1", LATER)) == ["r1"]


async def test_a_released_run_is_an_orphan_at_once(store: Store) -> None:
    await lease(store)
    assert await store.read(lambda tx: tx.runs.orphans(NOW, 10)) == []
    assert await store.write(lambda tx: tx.runs.release("p1")) == 1
    assert [one.id for one in await store.read(lambda tx: tx.runs.orphans(NOW, 10))] == ["r1"]


async def test_only_the_holder_finishes_a_run(store: Store) -> None:
    await lease(store)
    done = replace(run(), status="succeeded", output="Yes", finished_at=NOW)
    assert not await store.write(lambda tx: tx.runs.finish(done, "p2"))
    assert await store.write(lambda tx: tx.runs.finish(done, "p1"))
    stored = await store.read(lambda tx: tx.runs.get("o1", "r1"))
    assert (stored.status, stored.output, stored.lease_owner) == ("succeeded", "Yes", None)


async def test_events_come_back_in_order_with_their_numbers(store: Store) -> None:
    await lease(store)
    returned = ToolReturned(call_id="c", tool="t", output={"a": [1, None]}, duration_ms=3)
    await append(store, 1, TextDelta(text="a"), returned)
    await append(store, 3, RunFinished(output="a"))
    assert await read(store) == [(1, TextDelta(text="a")), (2, returned), (3, RunFinished(output="a"))]
    assert await read(store, after=2) == [(3, RunFinished(output="a"))]
    assert (await store.read(lambda tx: tx.runs.get("o1", "r1"))).event_count == 3


@pytest.mark.parametrize(("first_seq", "owner"), [(1, "p1"), (3, "p1"), (2, "p2")])
async def test_no_gap_no_overlap_no_stranger(store: Store, first_seq: int, owner: str) -> None:
    await lease(store)
    await append(store, 1, TextDelta(text="a"))
    with pytest.raises(Conflict) as raised:
        await append(store, first_seq, TextDelta(text="b"), owner=owner)
    assert raised.value.code == "lease_lost"
    assert len(await read(store)) == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.tuples(st.sampled_from(["p1", "p2"]), st.integers(0, 3), st.integers(1, 4)), max_size=8))
async def test_whoever_writes_whatever_the_log_has_no_gap(
    store: Store, batches: Sequence[tuple[str, int, int]]
) -> None:
    run_id = new_id("run")
    await lease(store, run_id)
    written = 0
    for owner, offset, count in batches:
        events = [TextDelta(text=f"{owner}{number}") for number in range(count)]
        try:
            await append(store, written + offset, *events, owner=owner, run_id=run_id)
        except Conflict:
            continue
        assert (owner, offset) == ("p1", 1)
        written += count
    assert [seq for seq, _ in await read(store, run_id)] == list(range(1, written + 1))


async def test_racing_writers_of_one_number_leave_one_of_each(store: Store) -> None:
    await lease(store)
    accepted: list[str] = []

    async def write(text: str) -> None:
        for seq in range(1, 6):
            try:
                await append(store, seq, TextDelta(text=text))
                accepted.append(text)
            except Conflict:
                continue

    async with anyio.create_task_group() as tasks:
        for text in "abcd":
            tasks.start_soon(write, text)
    assert [seq for seq, _ in await read(store)] == list(range(1, len(accepted) + 1))
