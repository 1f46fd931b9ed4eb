"""The daily quota counts to its limit, also for calls that come together, and starts anew at midnight."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from tests.clock import HandClock
from tests.core.reconcile.bench import caller, opened
from trivium.core.errors import LimitExceeded
from trivium.core.services.quota import Quota


@pytest.fixture
async def quota(tmp_path: Path) -> AsyncIterator[tuple[Quota, HandClock]]:
    clock = HandClock()
    async with opened(tmp_path / "store.db") as (store, _):
        yield Quota(store=store, clock=clock, daily_calls_max=5), clock


async def test_exactly_the_limit_passes(quota: tuple[Quota, HandClock]) -> None:
    counter, _ = quota
    refused = []

    async def one() -> None:
        try:
            await counter.spend(caller())
        except LimitExceeded as error:
            refused.append(error.code)

    async with anyio.create_task_group() as tasks:
        for _ in range(12):
            tasks.start_soon(one)
    assert refused == ["quota_exceeded"] * 7
    state = await counter.state(caller())
    assert (state.used, state.remaining) == (5, 0)


async def test_a_new_day_and_another_organization_count_for_themselves(quota: tuple[Quota, HandClock]) -> None:
    counter, clock = quota
    await counter.spend(caller())
    assert (await counter.state(caller(organization_id="o2"))).used == 0
    clock.at = (await counter.state(caller())).resets_at
    assert (await counter.state(caller())).used == 0
