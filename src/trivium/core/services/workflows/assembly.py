"""The parts of the workflow engine, put together."""

from collections.abc import Sequence
from dataclasses import dataclass

from trivium.core.ports import Calendar, Clock, CodeRunner, FoundPassage, Outbound, Prices, Store
from trivium.core.services.budgets import Budgets
from trivium.core.services.knowledge import Knowledge, SearchScope
from trivium.core.services.models import Models
from trivium.core.services.runs import Runs
from trivium.core.services.tools import ToolBox
from trivium.core.services.workflows.actions import Actions
from trivium.core.services.workflows.driver import DriverSettings, WorkflowDriver
from trivium.core.services.workflows.logic import Pauses
from trivium.core.services.workflows.nested import Nested
from trivium.core.services.workflows.service import Workflows
from trivium.core.services.workflows.timetable import Timetable


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What workflows stand on."""

    store: Store
    clock: Clock
    calendar: Calendar
    code: CodeRunner
    outbound: Outbound
    models: Models
    runs: Runs
    tools: ToolBox
    knowledge: Knowledge
    budgets: Budgets
    prices: Prices
    owner: str
    lease_s: float


def assemble(needs: Needs) -> tuple[Workflows, Timetable, WorkflowDriver]:
    """Return the service, its clockwork and its driver; nothing is started yet."""
    store, clock = needs.store, needs.clock
    settings = DriverSettings(owner=needs.owner, lease_s=needs.lease_s)
    driver = WorkflowDriver(store=store, clock=clock, settings=settings, agent_runs=needs.runs)
    workflows = Workflows(store=store, clock=clock, calendar=needs.calendar, driver=driver)
    actions = Actions(
        store=store,
        clock=clock,
        models=needs.models,
        runs=needs.runs,
        tools=needs.tools,
        search=_Search(needs.knowledge),
        outbound=needs.outbound,
        code=needs.code,
        prices=needs.prices,
        budgets=needs.budgets,
    )
    pauses = Pauses(clock=clock)
    nested = Nested(store=store, starter=workflows, wake=driver.wake)
    waiting = {"delay": pauses.delay, "human": pauses.human, "workflow": nested.waiting}
    driver.use({**actions.by_type, **waiting}, {"workflow": nested.inline})  # type: ignore[dict-item]
    timetable = Timetable(store=store, clock=clock, calendar=needs.calendar, driver=driver, workflows=workflows)
    return workflows, timetable, driver


class _Search:
    """Documents by what people call them, then passages; see `actions.Search`."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge

    async def __call__(
        self, organization_id: str, query: str, *, names: Sequence[str], top_k: int
    ) -> Sequence[FoundPassage]:
        found = [(await self._knowledge.resolve(organization_id, name)).document.name for name in names]
        scope = SearchScope(names=tuple(found))
        return await self._knowledge.search(organization_id, query, scope=scope, top_k=top_k)


def stored_workflows(store: Store, clock: Clock, calendar: Calendar) -> Workflows:
    """Return the service for a process that saves workflows and drives none; what it starts, a server runs."""
    driver = WorkflowDriver(store=store, clock=clock, settings=DriverSettings(owner="nobody", active_max=0))
    return Workflows(store=store, clock=clock, calendar=calendar, driver=driver)
