"""The queue."""

from collections import Counter
from datetime import datetime, timedelta

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ports.rows import LATER, NOW, job
from trivium.core.model.jobs import Job
from trivium.core.ports import Store


async def add(store: Store, *jobs: Job) -> None:
    assert all(await store.write(lambda tx: [tx.jobs.enqueue(one) for one in jobs]))


async def claim(store: Store, owner: str = "p1", limit: int = 10, *, now: datetime = NOW, after: str = "") -> list[str]:
    until = now + timedelta(seconds=15)
    claimed = await store.write(lambda tx: tx.jobs.claim(owner, now=now, until=until, limit=limit, after=after))
    return [one.id for one in claimed]


async def test_what_is_due_is_leased_once(store: Store) -> None:
    await add(store, job("j1"), job("j2", due_at=LATER))
    assert await claim(store) == ["j1"]
    assert await claim(store, "p2") == []
    assert await claim(store, "p2", now=LATER) == ["j2"]
    stored = await store.read(lambda tx: tx.jobs.get("o1", "j1"))
    assert (stored.status, stored.attempt, stored.lease_owner) == ("running", 1, "p1")


async def test_many_runners_share_the_jobs_without_overlap(store: Store) -> None:
    await add(store, *(job(f"j{number:03}", f"o{number % 3}") for number in range(60)))
    taken: list[str] = []

    async def take(owner: str) -> None:
        while found := await claim(store, owner, 3):
            taken.extend(found)

    async with anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(take, f"p{number}")
    assert Counter(taken) == Counter(f"j{number:03}" for number in range(60))


async def test_organizations_take_turns_from_where_the_last_claim_ended(store: Store) -> None:
    await add(store, *(job(f"{name}{number}", name) for name in "abc" for number in range(3)))
    assert await claim(store, limit=2) == ["a0", "b0"]
    assert await claim(store, limit=2, after="b") == ["c0", "c1"]
    assert await claim(store, limit=3, after="c") == ["a1", "b1", "c2"]


async def test_priority_goes_before_age_within_an_organization(store: Store) -> None:
    early = NOW - timedelta(hours=1)
    await add(store, job("old", due_at=early), job("urgent", priority=5), job("new"))
    assert await claim(store) == ["urgent", "old", "new"]


async def test_a_unique_key_is_free_again_when_its_job_has_ended(store: Store) -> None:
    await add(store, job("j1", unique_key="k"), job("j2", "o2", unique_key="k"))
    assert not await store.write(lambda tx: tx.jobs.enqueue(job("j3", unique_key="k")))
    await claim(store)
    assert not await store.write(lambda tx: tx.jobs.enqueue(job("j3", unique_key="k")))
    assert await store.write(lambda tx: tx.jobs.finish(job("j1", status="done"), "p1"))
    assert await store.write(lambda tx: tx.jobs.enqueue(job("j3", unique_key="k")))


async def test_racing_writers_of_one_key_leave_one_job(store: Store) -> None:
    added: list[bool] = []

    async def enqueue(number: int) -> None:
        added.append(await store.write(lambda tx: tx.jobs.enqueue(job(f"j{number}", unique_key="k"))))

    async with anyio.create_task_group() as tasks:
        for number in range(10):
            tasks.start_soon(enqueue, number)
    assert sum(added) == 1


async def test_a_lease_that_ended_gives_the_job_away(store: Store) -> None:
    await add(store, job("j1", attempts_max=2))
    await claim(store)
    late = LATER + timedelta(seconds=1)
    assert await claim(store, "p2", now=late) == ["j1"]
    assert not await store.write(lambda tx: tx.jobs.finish(job("j1", status="done"), "p1"))
    assert not await store.write(lambda tx: tx.jobs.report("j1", "p1", 50))
    assert await claim(store, "p3", now=late + timedelta(minutes=1)) == []
    assert (await store.read(lambda tx: tx.jobs.get("o1", "j1"))).status == "dead"


async def test_renewing_keeps_a_lease_and_tells_of_cancels(store: Store) -> None:
    await add(store, job("j1"), job("j2"), job("j3"))
    await claim(store, limit=2)
    assert await store.write(lambda tx: tx.jobs.request_cancel("o1", "j2", NOW))
    assert not await store.write(lambda tx: tx.jobs.request_cancel("o2", "j1", NOW))
    held = await store.write(lambda tx: tx.jobs.renew("p1", LATER + timedelta(minutes=5)))
    assert sorted(held) == [("j1", False), ("j2", True)]
    assert await claim(store, "p2", now=LATER + timedelta(minutes=1)) == ["j3"]


async def test_released_and_abandoned_jobs_are_due_again(store: Store) -> None:
    await add(store, job("j1"), job("j2"))
    await claim(store, "server-1", 1)
    await claim(store, "server_2", 1)
    assert await store.write(lambda tx: tx.jobs.release("server-1")) == 1
    assert await claim(store, "p") == ["j1"]
    assert await store.write(lambda tx: tx.jobs.abandon("server-")) == 0
    assert await store.write(lambda tx: tx.jobs.abandon("server_")) == 1
    assert await claim(store, "p") == ["j2"]


async def test_purge_leaves_what_is_young_dead_or_unfinished(store: Store) -> None:
    ended = {"done": NOW, "cancelled": NOW, "dead": NOW, "queued": None}
    await add(store, *(job(status, status=status, finished_at=at) for status, at in ended.items()))
    assert await store.write(lambda tx: tx.jobs.purge(NOW, 10)) == 0
    assert await store.write(lambda tx: tx.jobs.purge(LATER, 1)) == 1
    assert await store.write(lambda tx: tx.jobs.purge(LATER, 10)) == 1
    assert [one.id for one in await store.read(lambda tx: tx.jobs.find("o1"))] == ["dead", "queued"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sizes=st.lists(st.integers(1, 8), min_size=1, max_size=5),
    limit=st.integers(1, 7),
)
@pytest.mark.parametrize("base", ["x"])
async def test_every_job_is_taken_and_nobody_waits_for_a_longer_queue(
    store: Store, base: str, sizes: list[int], limit: int
) -> None:
    jobs = [job(f"{base}{o}-{n}", f"{base}{o}") for o, size in enumerate(sizes) for n in range(size)]
    await add(store, *jobs)
    order: list[str] = []
    after = ""
    while found := await claim(store, limit=limit, after=after):
        order += [job_id.split("-")[0] for job_id in found]
        after = order[-1]
        for job_id in found:
            await store.write(lambda tx, job_id=job_id: tx.jobs.remove(job_id.split("-")[0], job_id))  # type: ignore[misc]
    assert len(order) == sum(sizes)
    # While several wait, each gets one of any as many turns as there are organizations, whatever the others have.
    for name in set(order):
        assert name in order[: len(sizes)]
