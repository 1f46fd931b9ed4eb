"""Sets of workflows as configuration: documents, plans and results as this contract spells them."""

from typing import Any, Literal

from pydantic import Field, ValidationError

from trivium.contracts.http import field_errors, status_of, validate
from trivium.contracts.wisebot.names import camel_place, time_text
from trivium.contracts.wisebot.wire_flows import FlowBody, Wire, edge_json, schedule_json, step_json, to_draft
from trivium.core.errors import CoreError, InvalidRequest
from trivium.core.model.config import Op, Plan, Revision
from trivium.core.model.json import JSON, JSONObject
from trivium.core.platform import WorkflowDrift, WorkflowsApplied, WorkflowSet, draft_of, wish_of

_WORKFLOWS_MAX = 1_000
# Our names of the fields that this contract calls otherwise, and those that null brings back to their default.
_WIRE_NAMES = {"webhook_enabled": "webhook", "event_types": "events"}
_CLEARED = {
    "description": "description",
    "enabled": "enabled",
    "steps": "steps",
    "edges": "edges",
    "webhook": "webhook_enabled",
    "events": "event_types",
}


class FlowSetBody(Wire):
    """A set of workflows; what `GET /api/v1/flows/config` answers is one."""

    api_version: Literal["v1"] = "v1"
    kind: Literal["WorkflowSet"] = "WorkflowSet"
    prune: bool = False
    workflows: list[Any] = Field(max_length=_WORKFLOWS_MAX)
    new_agents: list[str] = Field(default_factory=list, max_length=10_000)
    ambiguous: Any = None


def read_set(body: object) -> tuple[FlowSetBody, list[JSONObject]]:
    """Return an apply's body and the wishes in it; InvalidRequest names what is wrong in all of them."""
    shape = validate(FlowSetBody, body)
    wishes: list[JSONObject] = []
    problems: list[JSONObject] = []
    for number, item in enumerate(shape.workflows):
        name = item.get("name") if isinstance(item, dict) else None
        shown = name if isinstance(name, str) and name else f"workflows[{number}]"
        try:
            flow = FlowBody.model_validate(item)
        except ValidationError as error:
            found = field_errors(error.errors())
            problems += [problem(shown, _place(one["field"]), one["message"]) for one in found]
            continue
        if flow.name is None:
            problems.append(problem(shown, "name", "is needed"))
            continue
        cleared = [ours for theirs, ours in _CLEARED.items() if theirs in flow.model_fields_set]
        wish = wish_of(to_draft(flow))
        wishes.append({**dict.fromkeys(cleared), **wish})
    if problems:
        raise invalid(problems)
    return shape, wishes


def problem(workflow: str, place: str, reason: str) -> JSONObject:
    """Return one thing that is wrong, and where."""
    return {"workflow": workflow, "place": place, "reason": reason}


def invalid(problems: list[JSONObject]) -> InvalidRequest:
    """Return the error for workflows that cannot be saved; places as this contract spells them."""
    spelled = [{**one, "place": camel_place(str(one["place"]))} for one in problems]
    first = spelled[0]
    place = f" {first['place']}:" if first["place"] else ""
    more = f" ({len(problems) - 1} more)" if len(problems) > 1 else ""
    message = f"Workflow {first['workflow']!r}:{place} {str(first['reason']).rstrip('.')}.{more}"
    return InvalidRequest(message, code="invalid_workflow", details={"problems": spelled[:50]})


def set_json(found: WorkflowSet) -> JSONObject:
    """Return all workflows as the document that apply takes."""
    workflows: list[JSON] = [document_json(one) for one in found.documents]
    shown: JSONObject = {"apiVersion": "v1", "kind": "WorkflowSet", "workflows": workflows}
    if found.ambiguous:
        shown["ambiguous"] = [*found.ambiguous]
    return shown


def document_json(document: JSONObject) -> JSONObject:
    """Return one workflow as it stands in a file: no id, no time, no secret."""
    draft = draft_of(document)
    steps: list[JSON] = [step_json(one) for one in draft.steps or ()]
    edges: list[JSON] = [edge_json(one) for one in draft.edges or ()]
    return {
        "name": draft.name,
        "description": draft.description,
        "enabled": draft.enabled,
        "webhook": {"enabled": draft.webhook_enabled},
        "schedule": schedule_json(draft.schedule),
        "events": [*(draft.event_types or ())],
        "steps": steps,
        "edges": edges,
    }


def plan_json(plan: Plan) -> JSONObject:
    """Return a plan with its counts."""
    ops: list[JSON] = [op_json(op) for op in plan.ops]
    summary: JSONObject = {
        "create": plan.count("create"),
        "update": plan.count("update"),
        "delete": plan.count("delete"),
        "noop": plan.count("noop"),
    }
    return {"ops": ops, "summary": summary}


def op_json(op: Op) -> JSONObject:
    """Return one line of a plan; what stays as it is is not shown twice."""
    shown: JSONObject = {"section": op.section, "action": op.action, "key": op.key}
    if op.action == "noop":
        return shown
    if op.before is not None:
        shown["before"] = document_json(op.before)
    if op.after is not None:
        shown["after"] = document_json(op.after)
    if op.action == "update":
        shown["changedFields"] = [*sorted(_WIRE_NAMES.get(name, name) for name in op.changed_fields)]
    return shown


def applied_json(result: WorkflowsApplied) -> JSONObject:
    """Return what an apply did, or would do."""
    shown: JSONObject = {"dryRun": result.after is None, "plan": plan_json(result.plan)}
    if result.after is None:
        return shown
    shown["applied"] = [{"section": op.section, "action": op.action, "key": op.key} for op in result.done]
    shown["failed"] = None
    if result.failed is not None:
        error: CoreError = result.failed.error
        shown["failed"] = {
            "op": op_json(result.failed.op),
            "status": status_of(error),
            "code": error.code,
            "message": error.message,
        }
    shown["revision"] = result.revision
    shown["config"] = set_json(result.after)
    return shown


def drift_json(drift: WorkflowDrift) -> JSONObject:
    """Return what changed since the last apply, and who changed it."""
    writes: list[JSON] = [{"workflow": name, "action": action, "actor": who} for name, action, who in drift.writes]
    return {"since": revision_json(drift.since), "plan": plan_json(drift.plan), "writes": writes}


def revision_json(revision: Revision | None) -> JSON:
    """Return one entry of the log of applies."""
    if revision is None:
        return None
    return {
        "number": revision.number,
        "status": revision.status,
        "actor": {"kind": revision.actor_kind, "id": revision.actor_id, "name": revision.actor_name},
        "createdAt": time_text(revision.created_at),
        "finishedAt": time_text(revision.finished_at),
        "opCount": revision.op_count,
        "doneCount": revision.done_count,
        "failure": revision.failure,
    }


def _place(field: str) -> str:
    """Return `steps.0.config` as `steps[0].config`."""
    parts = field.split(".")
    return parts[0] + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in parts[1:])
