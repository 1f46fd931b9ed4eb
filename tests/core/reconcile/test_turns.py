"""Applies take turns on PostgreSQL, too, where two processes share nothing but the database."""

from typing import Any

import anyio

from tests.core.reconcile.bench import WallClock, caller
from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.postgres import PostgresStore
from trivium.core.reconcile.service import ApplyRequest, Configs


async def test_two_processes_apply_one_after_the_other(postgres_url: str) -> None:
    await anyio.to_thread.run_sync(migrate, postgres_url)
    stores = [PostgresStore(postgres_url) for _ in range(2)]
    processes = [Configs(store=store, clock=WallClock()) for store in stores]
    agent = await processes[0].create(caller(), {"agent": {"name": "Acme"}})
    results: list[Any] = []

    async def one(number: int) -> None:
        sections: Any = {"agent": {"name": f"N{number}"}, "skills": [{"name": f"s{number}", "body": "x"}]}
        request = ApplyRequest(sections=sections)
        results.append(await processes[number % 2].apply(caller(), agent.id, request))

    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(one, number)
    assert [result.failed for result in results] == [None] * 8
    exported = (await processes[1].export(caller(), agent.id)).sections
    assert not (await processes[0].apply(caller(), agent.id, ApplyRequest(sections=exported))).plan.changes
    log = await stores[0].read(lambda tx: tx.revisions.find("o1", agent_id=agent.id))
    assert [revision.number for revision in log] == list(range(1, 10))
    for store in stores:
        await store.close()
