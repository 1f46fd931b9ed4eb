"""The plan of a workspace: its agents', and that of its workflows, which name agents."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trivium.cli._output import StopError
from trivium.cli.workspace.files import WorkspaceError
from trivium.cli.workspace.planning import Choice, Planned, Progress, Saved, agent_name, make_plans, refuse_stale
from trivium.cli.workspace.showing import as_data, show_plans, summary
from trivium.cli.workspace.wanted import Wanted
from trivium.cli.workspace.workflow_files import WORKFLOWS
from trivium.cli.workspace.workflow_planning import (
    PlannedWorkflows,
    apply_flows,
    flows_as_data,
    kept,
    plan_flows,
    refuse_stale_flows,
)
from trivium.cli.workspace.workflow_showing import show_flows

if TYPE_CHECKING:
    from trivium_client import WizChat


@dataclass(frozen=True, kw_only=True)
class Whole:
    """All plans of a command. `workflows` is None where there are none, or none were chosen."""

    agents: list[Planned]
    workflows: PlannedWorkflows | None

    @property
    def has_changes(self) -> bool:
        return any(planned.has_changes for planned in self.agents) or bool(self.workflows and self.workflows.changes)

    @property
    def deletes(self) -> list[str]:
        """What would be deleted, as people are asked about it."""
        gone = [f"{one.agent.name}: {op.section}/{op.key}" for one in self.agents for op in one.deletes]
        return [*gone, *(f"{WORKFLOWS}: {op.key}" for op in (self.workflows.deletes if self.workflows else ()))]

    @property
    def kept_workflows(self) -> dict[str, object] | None:
        """What a plan file holds of the workflows."""
        return None if self.workflows is None else kept(self.workflows)


def plan_whole(client: "WizChat", wanted: Wanted, progress: Progress | None = None) -> Whole:
    """Return the plans; nothing is written."""
    agents = make_plans(client, wanted.agents, wanted.choice, progress) if wanted.agents else []
    workflows = None
    if wanted.flows or wanted.choice.prune_workflows:
        names = sorted({agent_name(planned.agent) for planned in agents if planned.has_changes})
        workflows = plan_flows(client, wanted.flows, prune=wanted.choice.prune_workflows, new_agents=names)
    return Whole(agents=agents, workflows=workflows)


def show_whole(whole: Whole) -> None:
    """Print what changes, agent by agent, then in the workflows, and how much at the end."""
    show_plans(whole.agents)
    if whole.workflows is not None:
        show_flows(whole.workflows)
    totals = totals_of(whole)
    parts = []
    if whole.agents or whole.workflows is None:
        unchanged = sum(not planned.has_changes for planned in whole.agents)
        parts.append(f"{unchanged} of {len(whole.agents)} agents unchanged")
    if whole.workflows is not None:
        parts.append(f"{whole.workflows.unchanged} of {len(whole.workflows.flows)} workflows unchanged")
    print(
        f"{totals['create']} to create, {totals['update']} to update, {totals['delete']} to delete; {', '.join(parts)}."
    )


def totals_of(whole: Whole) -> dict[str, int]:
    """Return how many things are created, updated and deleted."""
    totals = summary(whole.agents)
    for op in whole.workflows.changes if whole.workflows is not None else ():
        totals[op.action] += 1
    return totals


def whole_as_data(whole: Whole) -> dict[str, object]:
    """Return the plans as data; `workflows` only where some were planned."""
    data: dict[str, object] = {"summary": totals_of(whole), "agents": [as_data(planned) for planned in whole.agents]}
    return data if whole.workflows is None else {**data, WORKFLOWS: flows_as_data(whole.workflows)}


def changed_names(whole: Whole) -> list[str]:
    """Return the names of the agents and workflows that change."""
    names = [planned.agent.name for planned in whole.agents if planned.has_changes]
    return [*names, *(f"{WORKFLOWS}/{op.key}" for op in (whole.workflows.changes if whole.workflows else ()))]


def refuse_too_many(whole: Whole, choice: Choice) -> None:
    """Raise StopError where an agent, or the workflows, would lose more than the choice allows."""
    counts = [(planned.agent.name, len(planned.deletes)) for planned in whole.agents]
    if whole.workflows is not None:
        counts.append((WORKFLOWS, len(whole.workflows.deletes)))
    for name, count in counts:
        if choice.max_deletes is not None and count > choice.max_deletes:
            raise StopError(
                f"{name}: {count} deletes, at most {choice.max_deletes} are allowed.",
                hint="Nothing was changed.",
                code="too_many_deletes",
            )


def refuse_stale_whole(saved: Saved, whole: Whole) -> None:
    """Raise StopError where files or server are no longer what the saved plan was made of."""
    refuse_stale(saved, whole.agents)
    if whole.workflows is not None:
        refuse_stale_flows(saved.workflows or {}, whole.workflows)


def saved_names(saved: Saved) -> tuple[str, ...]:
    """Return the names of what a saved plan is about."""
    flows = saved.workflows.get("names") if saved.workflows is not None else None
    names = flows if isinstance(flows, list) else []
    return (*(f"agents/{name}" for name in saved.agents), *(f"{WORKFLOWS}/{name}" for name in names))


def workflow_row(
    client: "WizChat", whole: Whole, choice: Choice, rows: Sequence[dict[str, object]]
) -> list[dict[str, object]]:
    """Apply the workflows, after the agents they name, and return what came of it for the table.

    They are left alone when an agent before them failed: what they name may not be there.
    """
    planned = whole.workflows
    if planned is None or not planned.changes:
        return []
    row: dict[str, object] = {"agent": WORKFLOWS, "status": "applied", "revision": None, "failure": None}
    if any(one["status"] == "failed" for one in rows):
        return [{**row, "status": "skipped", "failure": "an agent before them failed"}]
    from trivium_client import ApiError, NotAuthenticated, RateLimited

    try:
        result = apply_flows(client, planned, max_deletes=choice.max_deletes)
    except (NotAuthenticated, RateLimited):
        raise
    except (ApiError, WorkspaceError) as error:
        return [{**row, "status": "failed", "failure": str(error) or type(error).__name__}]
    row["revision"] = result.revision
    if result.failed is not None:
        row |= {"status": "failed", "failure": f"{result.failed.op.get('key')}: {result.failed.message}"}
    return [row]
