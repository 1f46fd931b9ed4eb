"""Starts with a budget of tokens and money when its month holds 50,000 runs, against starts without a budget.

python -m bench.budgets
"""

import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio

from bench.report import Bar, print_bars, print_table
from trivium.adapters.models.registry import ModelRegistry
from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.store import SqliteStore
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.runs import InputMessage, Run, RunInput, RunRequest, Usage
from trivium.core.ports import Transaction
from trivium.core.services.admission import Admission, RunSettings
from trivium.core.services.models import Models

RUNS, STARTS = 50_000, 300
RATIO_MAX = 2.0
_CALLER = Principal(organization_id="o1", kind="key", id="key_1", key_id="key_1")
_LARGE = 10**9
_BUDGETS: JSONObject = {"agent": {"period": "month", "tokens_max": _LARGE, "cost_usd_max": _LARGE}}


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def _agent(agent_id: str, budgets: JSONObject | None) -> Agent:
    now = WallClock().now()
    settings: JSONObject = {} if budgets is None else {"budgets": budgets}
    return Agent(
        id=agent_id,
        organization_id="o1",
        name=agent_id,
        model="scripted/echo",
        created_at=now,
        updated_at=now,
        settings=settings,
    )


def _past(agent_id: str, number: int) -> Run:
    month = WallClock().now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return Run(
        id=f"run_{agent_id}_{number:06}",
        organization_id="o1",
        agent_id=agent_id,
        conversation_id=f"c{number % 997}",
        request_id="",
        channel="api",
        status="succeeded",
        input=RunInput(messages=(InputMessage(role="user", text="Hello"),)),
        created_at=month + timedelta(microseconds=number),
        usage=(Usage(model="m", input_tokens=9, output_tokens=9, cost_usd=0.001),),
        key_id=_CALLER.id,
    )


class Starts:
    """Lets runs in, one after the other, and ends them."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        settings = RunSettings(owner="bench")
        self._admission = Admission(clock=WallClock(), models=Models(ModelRegistry()), settings=settings)

    async def one(self, agent_id: str) -> float:
        """Return the seconds of the transaction that lets a run in."""
        request = RunRequest(agent_id=agent_id, input=RunInput(messages=(InputMessage(role="user", text="Hi"),)))
        run_id, conversation_id = new_id("run"), new_id("conv")

        def start(tx: Transaction) -> tuple[float, Run]:
            began = time.perf_counter()
            begun, _ = self._admission.admit(tx, _CALLER, request, run_id=run_id, new_conversation_id=conversation_id)
            return time.perf_counter() - began, begun.run

        seconds, run = await self._store.write(start)
        await self._store.write(lambda tx: tx.runs.put(replace(run, status="succeeded")))
        return seconds


async def _measure() -> tuple[float, float, float]:
    """Return the first start with a budget, and the middle one with and without."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        await anyio.to_thread.run_sync(migrate, f"sqlite:///{path}")
        store = SqliteStore(path)
        await store.write(lambda tx: tx.agents.add(_agent("free", None), _agent("limited", _BUDGETS)))
        for first in range(0, RUNS, 5_000):
            past = [_past("limited", number) for number in range(first, first + 5_000)]
            await store.write(lambda tx, past=past: tx.runs.add(*past))  # type: ignore[misc]
        starts = Starts(store)
        first_s = await starts.one("limited")
        # Turn by turn, so that what else the machine does slows both.
        both = [(await starts.one("limited"), await starts.one("free")) for _ in range(STARTS)]
        await store.close()
        with_s, without_s = (sorted(column)[STARTS // 2] for column in zip(*both, strict=True))
        return first_s, with_s, without_s


def compare() -> list[Bar]:
    """Print the table and return the bar."""
    first_s, with_s, without_s = anyio.run(_measure)
    rows = [
        ["without a budget", without_s * 1e3],
        ["with one", with_s * 1e3],
        ["with one, the first of the month", first_s * 1e3],
    ]
    print_table("Starts at 50,000 runs in the month", ["what", "ms"], rows)
    return [Bar(name="start with a budget, over one without", value=with_s / without_s, at_most=RATIO_MAX)]


if __name__ == "__main__":
    print_bars(compare())
