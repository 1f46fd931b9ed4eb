"""Bookings: once for each call, never two at one time, seen by their own organization only."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import anyio
import pytest

from tests.clock import HandClock
from tests.core.services.workflows.bench import open_store
from trivium.adapters.sql.store import SqliteStore
from trivium.core.errors import InvalidRequest, NotFound
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.model.json import JSONObject
from trivium.core.ports import ToolContext, ToolResult
from trivium.core.services.announcing import Announcing
from trivium.core.services.appointments.service import BOOK, CANCEL, FIND, Appointments

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
EARLIER = datetime(2026, 3, 1, 8, tzinfo=UTC)
CONFIG: JSONObject = {"hours": {"mon": ["09:00-11:00"]}, "duration_minutes": 30, "notice_minutes": 0}
AGENT = Agent(
    id="a1",
    organization_id="o1",
    name="Desk",
    created_at=NOW,
    updated_at=NOW,
    tools=(ToolConfig(type="book_appointment", config=CONFIG, requires_approval=True),),
)


class _Bench:
    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.clock = HandClock(NOW)
        nothing = cast("Any", None)
        announcing = Announcing(clock=self.clock, webhooks=nothing, start_runs=nothing)
        self.service = Appointments(store=store, clock=self.clock, announcing=announcing)

    async def call(self, tool: str, call_id: str = "k1", /, *, agent: Agent = AGENT, **tool_input: Any) -> ToolResult:
        context = ToolContext(
            organization_id=agent.organization_id,
            agent=agent,
            conversation_id=f"c-{agent.organization_id}",
            run_id="r1",
            call_id=call_id,
        )
        return await self.service.call(tool, tool_input, context)

    async def free(self, agent: Agent = AGENT) -> list[str]:
        output = cast("dict[str, Any]", (await self.call(FIND, agent=agent, days=1)).output)
        return [str(at)[11:16] for at in output["free"]]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[_Bench]:
    store = await open_store(tmp_path, "o1", "o2")
    yield _Bench(store)
    await store.close()


async def test_booked_time_is_no_longer_free(bench: _Bench) -> None:
    assert await bench.free() == ["09:00", "09:30", "10:00", "10:30"]
    made = await bench.call(BOOK, start="2026-03-02T09:30:00+00:00", name="Ada")
    assert not made.is_error
    assert await bench.free() == ["09:00", "10:00", "10:30"]
    taken = await bench.call(BOOK, "k2", start="2026-03-02T10:30:00+01:00", name="Bob")
    assert (taken.is_error, taken.metadata["code"]) == (True, "not_free")
    assert cast("dict[str, Any]", taken.output)["free_on_that_day"]


async def test_repeated_call_finds_its_booking(bench: _Bench) -> None:
    first = await bench.call(BOOK, start="2026-03-02T09:30:00+00:00", name="Ada")
    again = await bench.call(BOOK, start="2026-03-02T09:30:00+00:00", name="Ada")
    assert first == again
    assert len(await bench.service.find("o1")) == 1


async def test_cancelled_bookings_hide_none_that_is_kept(bench: _Bench) -> None:
    await bench.call(BOOK, start="2026-03-02T09:00:00+00:00", name="Ada")
    (booking,) = await bench.service.find("o1")
    ends = [
        replace(booking, id=f"b{number:03}", call_key=f"r0/{number}", status="cancelled", slot=None, created_at=EARLIER)
        for number in range(500)
    ]
    await bench.store.write(lambda tx: tx.bookings.add(*ends))
    assert "09:00" not in await bench.free()


async def test_of_many_at_once_one_gets_the_time(bench: _Bench) -> None:
    results: list[ToolResult] = []

    async def book(number: int) -> None:
        results.append(await bench.call(BOOK, f"k{number}", start="2026-03-02T09:00:00+00:00", name=f"V{number}"))

    async with anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(book, number)
    assert [result.is_error for result in results].count(False) == 1
    assert len(await bench.service.find("o1")) == 1


@pytest.mark.parametrize(
    "start", ["2026-03-02T09:10:00+00:00", "2026-03-03T09:00:00+00:00", "2026-03-02T07:00:00+00:00", "2027-03-01T09:00"]
)
async def test_times_outside_the_hours_are_not_booked(bench: _Bench, start: str) -> None:
    assert (await bench.call(BOOK, start=start, name="Ada")).is_error
    assert await bench.service.find("o1") == []


async def test_cancelled_time_is_free_again(bench: _Bench) -> None:
    made = cast("dict[str, Any]", (await bench.call(BOOK, start="2026-03-02T09:30", name="Ada")).output)
    await bench.call(CANCEL, booking_id=made["booking_id"])
    assert "09:30" in await bench.free()
    again = await bench.call(BOOK, "k2", start="2026-03-02T09:30", name="Bob")
    assert not again.is_error
    assert (await bench.service.cancel("o1", made["booking_id"], by="Ann")).status == "cancelled"


async def test_other_organization_and_other_visitors_see_nothing(bench: _Bench) -> None:
    made = cast("dict[str, Any]", (await bench.call(BOOK, start="2026-03-02T09:30", name="Ada")).output)
    other = replace(AGENT, organization_id="o2")
    assert "09:30" in await bench.free(other)
    assert await bench.service.find("o2") == []
    with pytest.raises(NotFound):
        await bench.call(CANCEL, agent=other, booking_id=made["booking_id"])
    with pytest.raises(NotFound):
        await bench.service.cancel("o2", made["booking_id"], by="x")


async def test_agents_may_share_a_calendar(bench: _Bench) -> None:
    shared = tuple(ToolConfig(type="book_appointment", config={**CONFIG, "calendar": "front desk"}) for _ in range(1))
    one, two = replace(AGENT, tools=shared), replace(AGENT, id="a2", tools=shared)
    await bench.call(BOOK, agent=one, start="2026-03-02T09:30", name="Ada")
    assert "09:30" not in await bench.free(two)
    assert "09:30" in await bench.free()


async def test_only_booking_asks_for_approval(bench: _Bench) -> None:
    specs = await bench.service.specs(AGENT)
    assert {spec.name: spec.requires_approval for spec in specs} == {FIND: False, BOOK: True, CANCEL: False}
    with pytest.raises(InvalidRequest):
        bench.service.lack(ToolConfig(type="book_appointment", config={"hours": 5}))
