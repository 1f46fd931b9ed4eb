"""The plan of a workspace's workflows: one for all of them, made by the server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trivium.cli._output import StopError
from trivium.cli.workspace.files import WorkspaceError
from trivium.cli.workspace.merging import Path, Value
from trivium.cli.workspace.planning import document_hash
from trivium.cli.workspace.workflow_files import WORKFLOWS, Flow

if TYPE_CHECKING:
    from trivium_client import ApiError, WizChat, WorkflowApplyResult
    from trivium_client.models.wizchat import Op

HIDDEN = "(hidden)"


@dataclass(frozen=True, kw_only=True)
class PlannedWorkflows:
    """The plan of the workflows that were chosen."""

    flows: Sequence[Flow]
    document: dict[str, Value]
    result: "WorkflowApplyResult"

    @property
    def changes(self) -> "list[Op]":
        return [op for op in self.result.plan.ops if op.action != "noop"]

    @property
    def deletes(self) -> "list[Op]":
        return [op for op in self.changes if op.action == "delete"]

    @property
    def unchanged(self) -> int:
        """How many of the chosen workflows stay as they are."""
        changed = {op.key for op in self.changes}
        return sum(flow.title not in changed for flow in self.flows)


def plan_flows(
    client: "WizChat", flows: Sequence[Flow], *, prune: bool, new_agents: Sequence[str] = ()
) -> PlannedWorkflows:
    """Return the plan of these workflows; raises WorkspaceError with every file and place that the server refuses.

    `new_agents` are names of agents that an apply makes before it comes to the workflows.
    """
    from trivium_client import ApiError

    workflows: list[Value] = [flow.spec for flow in flows]
    document: dict[str, Value] = {"workflows": workflows, "prune": prune}
    try:
        result = client.workflow_config.apply(document, dry_run=True, new_agents=new_agents)
    except ApiError as error:
        raise _told_by_file(error, flows) from error
    return PlannedWorkflows(flows=flows, document=document, result=result)


def apply_flows(client: "WizChat", planned: PlannedWorkflows, *, max_deletes: int | None) -> "WorkflowApplyResult":
    """Carry out exactly the plan that was shown, on the state it was made against.

    Raises the client's Conflict when plan or state have moved.
    """
    from trivium_client import BadRequest

    try:
        return client.workflow_config.apply(
            planned.document,
            if_match=planned.result.base_etag,
            plan_hash=planned.result.plan_hash,
            max_deletes=max_deletes,
        )
    except BadRequest as error:
        raise _told_by_file(error, planned.flows) from error


def _told_by_file(error: "ApiError", flows: Sequence[Flow]) -> "ApiError | StopError":
    """Return the same error with files for the workflows' names, as far as it names any."""
    details = error.details if isinstance(error.details, dict) else {}
    problems = details.get("problems")
    if not isinstance(problems, list):
        return error
    files = {flow.title: flow.files for flow in flows}
    lines = []
    for one in problems:
        if isinstance(one, dict):
            home = files.get(str(one.get("workflow")))
            where = home.shown(home.base) if home is not None else str(one.get("workflow"))
            place = f" spec.{one['place']}:" if one.get("place") else ""
            step = f" (step {one['step']})" if one.get("step") else ""
            lines.append(f"{where}:{place} {one.get('reason')}{step}")
    return WorkspaceError(*lines)


def kept(planned: PlannedWorkflows) -> dict[str, object]:
    """Return what a plan file holds of the workflows: hashes, no document."""
    return {
        "names": [flow.name for flow in planned.flows],
        "documentHash": document_hash(planned.document),
        "baseETag": planned.result.base_etag,
        "planHash": planned.result.plan_hash,
        "summary": planned.result.plan.summary.model_dump(),
    }


def refuse_stale_flows(saved: Mapping[str, object], planned: PlannedWorkflows) -> None:
    """Raise StopError where files or server are no longer what the plan was made of."""
    found = kept(planned)
    moved = [name for name in ("documentHash", "baseETag", "planHash") if saved.get(name) != found[name]]
    if moved:
        raise StopError(
            f"The plan of the workflows is stale: {', '.join(moved)} changed since.",
            hint="Plan again.",
            code="stale_plan",
        )


def flows_as_data(planned: PlannedWorkflows) -> dict[str, object]:
    """Return the plan as data, with values that came from the environment masked."""
    hidden = hidden_places(planned.flows)
    ops = [
        {
            "section": WORKFLOWS,
            "action": op.action,
            "key": op.key,
            **({"changedFields": op.changedFields} if op.changedFields is not None else {}),
            "before": masked(op.before, hidden.get(str(op.key), {})),
            "after": masked(op.after, hidden.get(str(op.key), {})),
        }
        for op in planned.changes
    ]
    return {"hasChanges": bool(planned.changes), "baseETag": planned.result.base_etag, "ops": ops}


def hidden_places(flows: Sequence[Flow]) -> dict[str, dict[Path, str]]:
    """Return, by workflow, the places inside it that came from the environment; steps by their ids."""
    found: dict[str, dict[Path, str]] = {}
    for flow in flows:
        steps = flow.spec.get("steps")
        for path, variable in flow.hidden.items():
            match path:
                case ("spec", "steps", int(index), *rest) if isinstance(steps, list):
                    step = steps[index]
                    if isinstance(step, dict):
                        found.setdefault(flow.title, {})[("steps", str(step.get("id")), *rest)] = variable
                case ("spec", *rest):
                    found.setdefault(flow.title, {})[tuple(rest)] = variable
    return found


def masked(document: object, hidden: Mapping[Path, str]) -> object:
    """Return a workflow with what stands at the hidden places masked."""
    if () in hidden and document is not None:
        return f"{HIDDEN} ${{env:{hidden[()]}}}"
    if isinstance(document, dict):
        return {key: masked(value, _below(hidden, key)) for key, value in document.items()}
    if isinstance(document, list):
        return [
            masked(
                item, {**_below(hidden, index), **_below(hidden, item.get("id") if isinstance(item, dict) else None)}
            )
            for index, item in enumerate(document)
        ]
    return document


def _below(hidden: Mapping[Path, str], key: object) -> dict[Path, str]:
    return {path[1:]: variable for path, variable in hidden.items() if path[:1] == (key,)}
