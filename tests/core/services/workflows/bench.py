"""A workflow service over a real store, with steps whose effects a test can see."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio

from tests.clock import HandClock
from trivium.adapters.calendar import CronCalendar
from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.store import SqliteStore
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.organizations import Organization
from trivium.core.model.workflows import Edge, Step, StepType, Workflow, WorkflowRun
from trivium.core.services.workflows.actions import Action, Call, Done, Outcome
from trivium.core.services.workflows.children import AgentRuns
from trivium.core.services.workflows.driver import DriverSettings, WorkflowDriver
from trivium.core.services.workflows.logic import Pauses
from trivium.core.services.workflows.nested import Nested
from trivium.core.services.workflows.service import Draft, Workflows
from trivium.core.services.workflows.timetable import Timetable

ORGANIZATION = "org_1"


class Bench:
    """One process: `effects` lists the key of every effect that was made, in order."""

    def __init__(
        self,
        store: SqliteStore,
        clock: HandClock | None = None,
        *,
        patience_s: float = 0.0,
        agent_runs: AgentRuns | None = None,
    ) -> None:
        self.store = store
        self.clock = clock or HandClock()
        self.effects: list[str] = []
        calendar = CronCalendar()
        settings = DriverSettings(owner=new_id("p"), patience_s=patience_s)
        self.driver = WorkflowDriver(store=store, clock=self.clock, settings=settings, agent_runs=agent_runs)
        self.workflows = Workflows(store=store, clock=self.clock, calendar=calendar, driver=self.driver)
        self.timetable = Timetable(
            store=store, clock=self.clock, calendar=calendar, driver=self.driver, workflows=self.workflows
        )
        nested = Nested(store=store, starter=self.workflows, wake=self.driver.wake)
        pauses = Pauses(clock=self.clock)
        actions: dict[StepType, Action] = {
            "http": self.effect,
            "delay": pauses.delay,
            "human": pauses.human,
            "workflow": nested.waiting,
        }
        self.driver.use(actions, {"workflow": nested.inline})

    async def effect(self, call: Call) -> Outcome:
        """The effect of an "http" step: its URL comes back."""
        self.effects.append(call.key)
        return Done(output=call.config["url"])

    def use(self, kind: StepType, action: Callable[[Call], Awaitable[Outcome]]) -> None:
        """Replace what a type of step does."""
        self.driver.use({kind: action}, {})

    async def save(self, *steps: Step, edges: str = "", **fields: object) -> Workflow:
        """Save a workflow; `edges` is text like "a>b b>c:true"."""
        draft = Draft(name="Test", steps=steps, edges=tuple(map(edge, edges.split())), **fields)  # type: ignore[arg-type]
        return (await self.workflows.create(ORGANIZATION, draft))[0]

    async def run(self, workflow: Workflow, inputs: JSONObject | None = None) -> WorkflowRun:
        """Start a run and return it when it has ended or waits."""
        run = await self.workflows.start(workflow.organization_id, workflow.id, inputs or {})
        await self.driver.idle()
        return await self.workflows.run(run.organization_id, run.id)

    async def again(self, run: WorkflowRun) -> WorkflowRun:
        """Do what is due and return the run when it has ended or waits."""
        await self.timetable.tick()
        await self.driver.idle()
        return await self.workflows.run(run.organization_id, run.id)

    async def outputs(self, run: WorkflowRun) -> dict[str, JSON]:
        """Return the output of each step that succeeded, by key."""
        steps = await self.workflows.step_runs(run.organization_id, run.id)
        return {one.key: one.output for one in steps if one.status == "succeeded" and one.item is None}

    async def statuses(self, run: WorkflowRun) -> dict[str, str]:
        """Return the status of each step, by key."""
        steps = await self.workflows.step_runs(run.organization_id, run.id)
        return {one.key: one.status for one in steps if one.item is None}


async def open_store(folder: Path, *organization_ids: str) -> SqliteStore:
    """Return a new store that knows these organizations."""
    path = folder / "store.db"
    await anyio.to_thread.run_sync(migrate, f"sqlite:///{path}")
    store = SqliteStore(path)
    clock = HandClock()
    organizations = [
        Organization(id=one, name=one, created_at=clock.now()) for one in organization_ids or (ORGANIZATION,)
    ]
    await store.write(lambda tx: tx.organizations.add(*organizations))
    return store


def step(key: str, kind: StepType = "http", config: JSONObject | None = None, **fields: object) -> Step:
    """Return a step whose id is its key."""
    default: JSONObject = {"url": f"https://example.test/{key}"} if kind == "http" else {}
    return Step(id=key, key=key, type=kind, config=default if config is None else config, **fields)  # type: ignore[arg-type]


def edge(text: str) -> Edge:
    """Return the edge that "a>b:branch" means."""
    ends, _, branch = text.partition(":")
    source, _, target = ends.partition(">")
    return Edge(source=source, target=target, branch=branch or None)
