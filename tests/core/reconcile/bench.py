"""What the tests of configurations work with: a store, a clock, one agent, callers with scopes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio

from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.store import SqliteStore
from trivium.core.model.access import SCOPES, Principal
from trivium.core.model.agents import Agent
from trivium.core.model.config import ApplyResult
from trivium.core.reconcile.service import ApplyRequest, Configs


class WallClock:
    """The real time: leases between processes need one that goes on."""

    def now(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC)


def caller(*scopes: str, agent_ids: frozenset[str] | None = None, organization_id: str = "o1") -> Principal:
    """Return a key with these scopes; all without any."""
    return Principal(
        organization_id=organization_id,
        kind="key",
        id="key_1",
        name="ci",
        key_kind="wizchat",
        scopes=frozenset(scopes or SCOPES),
        agent_ids=agent_ids,
    )


class Bench:
    """A store with one agent."""

    def __init__(self, store: SqliteStore, agent: Agent, configs: Configs) -> None:
        self.store = store
        self.agent = agent
        self.configs = configs

    async def apply(self, sections: dict[str, Any], *, by: Principal | None = None, **options: Any) -> ApplyResult:
        """Apply a document with everything allowed."""
        request = ApplyRequest(sections=sections, **options)
        return await self.configs.apply(by or caller(), self.agent.id, request)

    async def export(self, *, by: Principal | None = None) -> dict[str, Any]:
        """Return what the caller sees."""
        return dict((await self.configs.export(by or caller(), self.agent.id)).sections)


@asynccontextmanager
async def opened(
    path: Path, *, lease_s: float = 12.0, wait_s: float = 20.0
) -> AsyncIterator[tuple[SqliteStore, Configs]]:
    """Yield a migrated store and the service over it."""
    await anyio.to_thread.run_sync(migrate, f"sqlite:///{path}")
    store = SqliteStore(path)
    try:
        yield store, Configs(store=store, clock=WallClock(), lease_s=lease_s, wait_s=wait_s)
    finally:
        await store.close()


@asynccontextmanager
async def new_bench(path: Path) -> AsyncIterator[Bench]:
    """Yield a bench with a fresh agent called Acme."""
    async with opened(path) as (store, configs):
        agent = await configs.create(caller(), {"agent": {"name": "Acme"}})
        yield Bench(store, agent, configs)
