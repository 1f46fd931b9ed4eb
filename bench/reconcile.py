"""Configuration as code: a plan of 1,000 resources, an apply of 1,000 creates, over the embedded store.

python -m bench.reconcile
"""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from bench.report import Bar, print_bars, print_table
from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.store import SqliteStore
from trivium.core.model.access import SCOPES, Principal
from trivium.core.reconcile.plan import make_plan
from trivium.core.reconcile.service import ApplyRequest, Configs

PLAN_S_MAX = 0.3
APPLY_S_MAX = 5.0
KEY = Principal(organization_id="o1", kind="key", id="key", key_kind="wizchat", scopes=frozenset(SCOPES))


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


def resources(count: int) -> dict[str, Any]:
    body = "Be brief and kind. " * 100
    servers = [
        {"name": f"server-{number:04}", "url": f"https://{number}.example/mcp", "description": body[:200]}
        for number in range(count // 2)
    ]
    skills = [
        {"name": f"skill-{number:04}", "body": body, "linked_servers": [f"server-{number:04}"]}
        for number in range(count // 2)
    ]
    return {"mcp_servers": servers, "skills": skills}


def timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


async def apply_all(count: int) -> tuple[float, float]:
    """Return seconds for creating all of it, and for applying the same again."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        await anyio.to_thread.run_sync(migrate, f"sqlite:///{path}")
        store = SqliteStore(path)
        configs = Configs(store=store, clock=WallClock())
        agent = await configs.create(KEY, {"agent": {"name": "Bench"}})
        request = ApplyRequest(sections=resources(count))
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            result = await configs.apply(KEY, agent.id, request)
            seconds.append(time.perf_counter() - started)
            assert result.failed is None
        await store.close()
        return seconds[0], seconds[1]


def compare() -> list[Bar]:
    """Print the table and return the bars."""
    document = resources(1000)
    plan_s = min(timed(lambda: make_plan({}, document)) for _ in range(5))
    noop_s = min(timed(lambda: make_plan(document, document)) for _ in range(5))
    create_s, again_s = anyio.run(apply_all, 1000)
    rows = [
        ["plan of 1,000 creates", plan_s],
        ["plan of 1,000 noops", noop_s],
        ["apply of 1,000 creates", create_s],
        ["apply of the same again", again_s],
    ]
    print_table("Configuration", ["what", "s"], rows)
    return [
        Bar(name="plan of 1,000 resources, s", value=max(plan_s, noop_s), at_most=PLAN_S_MAX),
        Bar(name="apply of 1,000 creates, s", value=create_s, at_most=APPLY_S_MAX),
    ]


if __name__ == "__main__":
    print_bars(compare())
