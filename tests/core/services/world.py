"""The core on a real store, with the scripted model and tools that count their calls."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trivium.adapters.blobs.files import FileBlobs
from trivium.adapters.blobs.tree import FolderTree
from trivium.adapters.images.pillow import PillowImages
from trivium.adapters.models.prices import ModelPrices
from trivium.adapters.models.registry import ModelRegistry
from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.store import SqliteStore
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent, RunLimits, ToolSpec
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.runs import InputMessage, Run, RunInput, RunRequest
from trivium.core.ports import ToolContext, ToolResult
from trivium.core.services.admission import Admission, RunSettings
from trivium.core.services.budgets import Budgets
from trivium.core.services.files import AgentFiles
from trivium.core.services.loop import AgentLoop
from trivium.core.services.models import Models
from trivium.core.services.run_driver import RunDriver
from trivium.core.services.runs import Runs

CALLER = Principal(organization_id="org_a", kind="key", id="key_a", key_id="key_a")


class SystemClock:
    """The time of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class CountingTools:
    """Four tools: `add` is safe to repeat, `pay` is not, `ask` needs approval, `answer` ends the run."""

    calls: list[str] = field(default_factory=list)
    blocks: asyncio.Event | None = None
    started: asyncio.Event = field(default_factory=asyncio.Event)

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        schema: JSONObject = {"type": "object"}
        return [
            ToolSpec(name="add", description="", input_schema=schema, is_repeatable=True),
            ToolSpec(name="pay", description="", input_schema=schema),
            ToolSpec(name="ask", description="", input_schema=schema, requires_approval=True),
            ToolSpec(name="answer", description="", input_schema=schema),
        ]

    async def call(self, name: str, tool_input: Any, context: ToolContext) -> ToolResult:
        self.calls.append(name)
        self.started.set()
        if self.blocks is not None:
            await self.blocks.wait()
        return ToolResult(output=f"{name} done", ends_run=name == "answer")


@dataclass
class World:
    """One process: a store in a folder, and everything that runs over it."""

    store: SqliteStore
    driver: RunDriver
    runs: Runs
    tools: CountingTools

    async def agent(self, model: str, *, organization_id: str = "org_a", **values: Any) -> Agent:
        """Store an agent and return it."""
        now = SystemClock().now()
        agent = Agent(
            id=new_id("agent"),
            organization_id=organization_id,
            name="Test",
            model=model,
            created_at=now,
            updated_at=now,
        )
        agent = Agent(**{**agent.__dict__, **values})
        await self.store.write(lambda tx: tx.agents.add(agent))
        return agent

    async def ask(self, agent: Agent, text: str = "Hello", **values: Any) -> Run:
        """Start a run of one user message."""
        return await self.runs.start(CALLER, question(agent, text, **values))

    async def answer(self, agent: Agent, text: str = "Hello", **values: Any) -> Run:
        """Start a run and return it when it has ended."""
        run = await self.ask(agent, text, **values)
        return await self.runs.result(run.organization_id, run.id)

    async def close(self) -> None:
        """Stop in good order."""
        await self.driver.close(grace_s=0.1)
        await self.store.close()


def question(agent: Agent, text: str = "Hello", **values: Any) -> RunRequest:
    """Return a request of one user message."""
    messages = (InputMessage(role="user", text=text),)
    return RunRequest(agent_id=agent.id, input=RunInput(messages=messages), **values)


def script(*turns: JSONObject) -> dict[str, Any]:
    """Return the values of an agent whose model follows these turns."""
    return {"settings": {"model_options": {"script": list(turns)}}}


async def open_world(folder: Path, *, owner: str = "server-1", **limits: Any) -> World:
    """Return a process over the folder; a second one over the same folder takes over from the first."""
    database = folder / "trivium.db"
    migrate(f"sqlite:///{database}")
    store = SqliteStore(database)
    tools = CountingTools()
    settings = RunSettings(owner=owner, lease_s=0.6, limits=RunLimits(**limits))
    admission = Admission(clock=SystemClock(), models=Models(ModelRegistry()), settings=settings)
    blobs = FileBlobs(folder / "blobs")
    files = AgentFiles(tree=FolderTree(folder / "files"), blobs=blobs, images=PillowImages())
    driver = RunDriver(
        store=store,
        clock=SystemClock(),
        tools=tools,
        loop=AgentLoop(
            tools=tools,
            prices=ModelPrices(),
            pictures=files,
            budgets=Budgets(store=store, clock=SystemClock()),
        ),
        blobs=blobs,
        admission=admission,
    )
    await driver.open(takes_over="server-")
    return World(store, driver, Runs(store=store, clock=SystemClock(), admission=admission, driver=driver), tools)
