"""What units of work can rely on."""

import threading
from dataclasses import replace

import anyio
import pytest

from tests.ports.rows import NOW, agent, job
from trivium.core.errors import Conflict, NotFound
from trivium.core.model.access import ApiKey
from trivium.core.model.agents import Agent
from trivium.core.ports import Store, Transaction


async def test_a_record_comes_back_as_it_went_in(store: Store) -> None:
    agents = [agent(1), agent(2)]
    await store.write(lambda tx: tx.agents.add(*agents))
    assert await store.read(lambda tx: tx.agents.find("o1")) == agents
    assert await store.read(lambda tx: tx.agents.get("o1", agents[0].id)) == agents[0]


async def test_nothing_crosses_the_organization(store: Store) -> None:
    await store.write(lambda tx: tx.agents.add(agent(1), agent(1, "o2")))

    def unit(tx: Transaction) -> None:
        assert tx.agents.find("o1") == [agent(1)]
        assert tx.agents.first("o1", name="Agent 1") == agent(1)
        assert tx.agents.count("o3") == 0
        for call in (
            lambda: tx.agents.get("o2", agent(1).id),
            lambda: tx.agents.put(replace(agent(1), organization_id="o2")),
        ):
            with pytest.raises(NotFound):
                call()
        assert not tx.agents.remove("o2", agent(1).id)
        assert tx.agents.remove_where("o2", name="Agent 1") == 1

    await store.write(unit)
    assert await store.read(lambda tx: tx.agents.count("o1")) == 1


async def test_pages_are_in_order_of_ids_and_complete(store: Store) -> None:
    await store.write(lambda tx: tx.agents.add(*(agent(number) for number in range(25))))
    found: list[str] = []
    before: str | None = None

    def page(tx: Transaction) -> list[Agent]:
        return tx.agents.find("o1", limit=10, newest_first=True, before=before)

    while agents := await store.read(page):
        found += [one.name for one in agents]
        before = agents[-1].id
    assert found == [f"Agent {number}" for number in reversed(range(25))]


async def test_equal_to_none_means_that_nothing_is_there(store: Store) -> None:
    await store.write(lambda tx: tx.agents.add(agent(1), agent(2)))
    assert await store.read(lambda tx: [one.name for one in tx.agents.find("o1", temperature=None)]) == ["Agent 2"]


async def test_a_unit_that_raises_leaves_nothing_behind(store: Store) -> None:
    def unit(tx: Transaction) -> None:
        tx.agents.add(agent(1))
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        await store.write(unit)
    assert await store.read(lambda tx: tx.agents.count("o1")) == 0


async def test_units_written_at_once_fail_each_for_itself(store: Store) -> None:
    outcomes: dict[int, bool] = {}

    async def write(number: int) -> None:
        try:
            await store.write(lambda tx: tx.agents.add(agent(number // 2)))
            outcomes[number] = True
        except Conflict:
            outcomes[number] = False

    async with anyio.create_task_group() as tasks:
        for number in range(40):
            tasks.start_soon(write, number)
    assert sum(outcomes.values()) == 20
    assert await store.read(lambda tx: tx.agents.count("o1")) == 20


async def test_counting_units_never_lose_one(store: Store) -> None:
    await store.write(lambda tx: tx.agents.add(agent(0)))

    def unit(tx: Transaction) -> None:
        found = tx.agents.get("o1", agent(0).id)
        tx.agents.put(replace(found, version=found.version + 1))

    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(store.write, unit)
    assert (await store.read(lambda tx: tx.agents.get("o1", agent(0).id))).version == 101


async def test_a_limit_checked_in_a_unit_holds(store: Store) -> None:
    def unit(tx: Transaction, number: int) -> None:
        if tx.agents.count("o1") < 5:
            tx.agents.add(agent(number))

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(store.write, lambda tx, number=number: unit(tx, number))
    assert await store.read(lambda tx: tx.agents.count("o1")) == 5


async def test_a_read_sees_one_state_beside_a_writer(store: Store) -> None:
    await store.write(lambda tx: tx.agents.add(agent(1)))
    has_read, has_written = threading.Event(), threading.Event()

    def unit(tx: Transaction) -> tuple[int, int]:
        first = tx.agents.count("o1")
        has_read.set()
        assert has_written.wait(20)
        return first, tx.agents.count("o1")

    async def write() -> None:
        await anyio.to_thread.run_sync(has_read.wait, 20)
        await store.write(lambda tx: tx.agents.add(agent(2)))
        has_written.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        assert await store.read(unit) == (1, 1)


async def test_a_read_writes_nothing(store: Store) -> None:
    with pytest.raises(Exception, match=r"(?i)read.?only"):
        await store.read(lambda tx: tx.agents.add(agent(1)))


async def test_unique_rules_are_conflicts(store: Store) -> None:
    def key(key_id: str, secret_hash: str) -> ApiKey:
        return ApiKey(
            id=key_id,
            organization_id="o1",
            kind="wabee",
            name="",
            prefix="",
            last_four="",
            secret_hash=secret_hash,
            created_at=NOW,
        )

    await store.write(lambda tx: tx.keys.add(key("k1", "h1")))
    with pytest.raises(Conflict):
        await store.write(lambda tx: tx.keys.add(key("k2", "h1")))
    await store.write(lambda tx: tx.keys.add(key("k2", "h2")))
    found = await store.read(lambda tx: tx.keys.by_hash("h2"))
    assert found is not None
    assert found.id == "k2"


async def test_commits_are_told_and_rollbacks_need_not_be(store: Store) -> None:
    heard: list[str] = []
    stop = store.subscribe("jobs", heard.append)
    await store.write(lambda tx: tx.jobs.enqueue(job("j1")))
    with anyio.fail_after(20):
        while not heard:
            await anyio.lowlevel.checkpoint()
    stop()
    await store.write(lambda tx: tx.jobs.enqueue(job("j2")))
    await anyio.lowlevel.checkpoint()
    assert heard == [""]
