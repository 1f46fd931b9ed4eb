"""A whole server on a loopback port, with what tests put into it."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx2

from tests.contracts.serving import serve
from trivium.adapters.listener import STALLED_S
from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.organizations import Organization
from trivium.core.platform import Platform
from trivium.core.ports import ToolContext, ToolResult
from trivium.server import create_app
from trivium.settings import Settings

T = TypeVar("T")


class HandTools:
    """Tools whose answers a test decides: name → what it returns or raises."""

    def __init__(self) -> None:
        self.answers: dict[str, Callable[[JSONObject, ToolContext], ToolResult]] = {}
        self.blocking: dict[str, Callable[[JSONObject, ToolContext], ToolResult]] = {}
        self.schemas: dict[str, JSONObject] = {}

    async def specs(self, agent: Agent) -> list[ToolSpec]:
        """Return those that the agent's settings name."""
        names = agent.settings.get("hand_tools")
        schema: JSONObject = {"type": "object"}
        return [
            ToolSpec(
                name=str(name),
                description=f"The tool {name}",
                input_schema=self.schemas.get(str(name), schema),
                requires_approval=str(name).startswith("approve_"),
            )
            for name in (names if isinstance(names, list) else ())
        ]

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Answer as the test said."""
        if name in self.blocking:
            return await asyncio.to_thread(self.blocking[name], tool_input, context)
        return self.answers[name](tool_input, context)


class Site:
    """The real application with its own data folder. What is put into it goes through its own services."""

    def __init__(self, url: str, platform: Platform) -> None:
        self.url = url
        self.platform = platform
        self.tools = HandTools()
        platform.tools.add_host(self.tools)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something asynchronous from a test that is not."""
        return asyncio.run(work)

    def organization(self, name: str = "Acme") -> str:
        """Return the id of a new organization."""
        return self.run(self.platform.access.create_organization(name)).id

    def agent(self, organization_id: str, *turns: JSONObject, **values: Any) -> Agent:
        """Store an agent; with turns, its scripted model follows them, else it repeats what it is told."""
        now = self.platform.clock.now()
        settings: JSONObject = {"model_options": {"script": list(turns)}} if turns else {}
        base: dict[str, Any] = {
            "id": new_id("agent"),
            "organization_id": organization_id,
            "name": "Plant agent",
            "description": "Answers questions about plant output",
            "model": "scripted/script" if turns else "scripted/echo",
            "created_at": now,
            "updated_at": now,
            "settings": settings,
        }
        agent = Agent(**{**base, **values})
        self.run(self.platform.store.write(lambda tx: tx.agents.add(agent)))
        return agent

    def make_default(self, agent: Agent) -> None:
        """Make it the agent that is meant when none is named."""

        def unit(tx: Any) -> None:
            found: Organization = tx.organizations.get(agent.organization_id, agent.organization_id)
            tx.organizations.put(Organization(**{**found.__dict__, "default_agent_id": agent.id}))

        self.run(self.platform.store.write(unit))

    def key(self, organization_id: str, kind: Any = "wabee", **options: Any) -> str:
        """Return the secret of a new API key."""
        return self.run(self.platform.access.create_key(organization_id, kind=kind, **options))[1]

    def client(self, **headers: str) -> httpx2.Client:
        """Return a client of this server; close it."""
        return httpx2.Client(base_url=self.url, headers=headers, timeout=30)


@contextlib.contextmanager
def open_site(folder: Path, *, stalled_s: float = STALLED_S, **settings: Any) -> Iterator[Site]:
    """Serve a new application over the folder until the end of the block."""
    app = create_app(Settings(data=folder, **settings))
    with serve(app, stalled_s=stalled_s) as url:
        yield Site(url, app.state.platform)
