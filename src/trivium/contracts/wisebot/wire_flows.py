"""Workflows, their runs and steps as this contract spells them (section 5.2)."""

from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from trivium.contracts.http import validate
from trivium.contracts.wisebot.names import camel, snake, time_text
from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.workflows import Edge, Schedule, Step, StepRun, StepType, Workflow, WorkflowRun
from trivium.core.platform import Draft

_BODIES = ("loop", "map")


class Wire(BaseModel):
    """A shape in camelCase; a field that nobody knows is refused, because it is most often a typing error."""

    model_config = ConfigDict(extra="forbid", alias_generator=camel, populate_by_name=True, strict=True)


class RetryBody(Wire):
    """How often a step is tried, the first time included, and the first pause."""

    attempts: int = Field(default=1)
    wait_seconds: float = Field(default=1.0)


class StepBody(Wire):
    """One step. `position` belongs to the editor and is not kept."""

    id: str = Field(max_length=64)
    key: str = Field(max_length=64)
    type: str = Field(max_length=64)
    name: str = Field(default="", max_length=200)
    config: dict[str, Any] = Field(default_factory=dict)
    timeout_seconds: float | None = None
    retry: RetryBody = Field(default_factory=RetryBody)
    default: Any = None
    position: Any = None


class EdgeBody(Wire):
    """One line."""

    source: str = Field(alias="from", max_length=64)
    target: str = Field(alias="to", max_length=64)
    branch: str | bool | None = None


class ScheduleBody(Wire):
    """When a workflow starts by itself; `nextRunAt` is what we answer, and ignored on the way in."""

    enabled: bool = True
    interval_minutes: int | None = None
    cron: str | None = Field(default=None, max_length=200)
    time_zone: str = Field(default="UTC", max_length=64)
    inputs: dict[str, Any] = Field(default_factory=dict)
    missed: Literal["skip", "run_once"] = "run_once"
    allow_overlap: bool = False
    next_run_at: Any = None


class WebhookState(Wire):
    """Whether the trigger is on; `secretLastFour` is what we answer, and ignored on the way in."""

    enabled: bool = True
    secret_last_four: Any = None


class FlowBody(Wire):
    """A workflow. What we answer may be sent back: the fields that only we set are ignored."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    description: str | None = Field(default=None, max_length=10_000)
    enabled: bool | None = None
    steps: list[StepBody] | None = Field(default=None, max_length=1000)
    edges: list[EdgeBody] | None = Field(default=None, max_length=5000)
    webhook: WebhookState | None = None
    schedule: ScheduleBody | None = None
    events: list[str] | None = Field(default=None, max_length=20)
    id: Any = None
    version: Any = None
    created_at: Any = None
    updated_at: Any = None
    webhook_secret: Any = None

    @model_validator(mode="before")
    @classmethod
    def _is_object(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            raise ValueError("a workflow is an object")
        return value


class RunBody(Wire):
    """The input bag of a run."""

    inputs: dict[str, Any] = Field(default_factory=dict)


def read_flow(value: object) -> FlowBody:
    """Return the body as a workflow; the error names the place of the first field that does not fit, and its step."""
    try:
        return validate(FlowBody, value)
    except InvalidRequest as error:
        raise _placed(error, value) from error


def _placed(error: InvalidRequest, value: object) -> InvalidRequest:
    errors = error.details.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    if not isinstance(first, dict):
        return error
    parts = str(first.get("field")).split(".")
    place = "".join(f"[{part}]" if part.isdecimal() else f".{part}" for part in parts).removeprefix(".")
    details: dict[str, object] = {**error.details, "place": place}
    steps = value.get("steps") if isinstance(value, dict) else None
    if parts[0] == "steps" and isinstance(steps, list) and len(parts) > 2 and parts[1].isdecimal():
        step = steps[int(parts[1])] if int(parts[1]) < len(steps) else None
        if isinstance(step, dict):
            details |= {"step": str(step.get("key", ""))[:64], "field": ".".join(parts[2:])}
    return InvalidRequest(f"{place}: {first.get('message')}.", code=error.code, details=details)


def to_draft(body: FlowBody) -> Draft:
    """Return what the body asks for; what is absent stays as it is."""
    return Draft(
        name=body.name,
        description=body.description,
        enabled=body.enabled,
        steps=None if body.steps is None else tuple(_step(one) for one in body.steps),
        edges=None if body.edges is None else tuple(_edge(one) for one in body.edges),
        webhook_enabled=None if body.webhook is None else body.webhook.enabled,
        schedule=None if body.schedule is None else _schedule(body.schedule),
        removes_schedule="schedule" in body.model_fields_set and body.schedule is None,
        event_types=None if body.events is None else tuple(body.events),
    )


def flow_json(workflow: Workflow) -> JSONObject:
    """Return a workflow as it is answered; never its secret."""
    steps: list[JSON] = [step_json(one) for one in workflow.steps]
    edges: list[JSON] = [edge_json(one) for one in workflow.edges]
    events: list[JSON] = [*workflow.event_types]
    return {
        "id": workflow.id,
        "name": workflow.name,
        "description": workflow.description,
        "enabled": workflow.enabled,
        "steps": steps,
        "edges": edges,
        "webhook": {"enabled": workflow.webhook_enabled, "secretLastFour": workflow.secret_last_four},
        "schedule": _schedule_json(workflow),
        "events": events,
        "version": workflow.version,
        "createdAt": time_text(workflow.created_at),
        "updatedAt": time_text(workflow.updated_at),
    }


def outcome_json(run: WorkflowRun) -> JSONObject:
    """Return the answer of the two calls that run a workflow (section 3.7)."""
    return {
        "ok": run.status == "succeeded",
        "runId": run.id,
        "result": run.result,
        "error": None if run.status == "succeeded" else run.error or f"The run is {shown_status(run)}.",
    }


def run_json(run: WorkflowRun, steps: list[StepRun] | None = None) -> JSONObject:
    """Return a run, with its steps where they are given."""
    shown: JSONObject = {
        "id": run.id,
        "workflowId": run.workflow_id,
        "version": run.version,
        "trigger": run.trigger,
        "status": shown_status(run),
        "waiting": run.status == "waiting",
        "inputs": run.inputs,
        "result": run.result,
        "error": run.error,
        "createdAt": time_text(run.created_at),
        "startedAt": time_text(run.started_at),
        "finishedAt": time_text(run.finished_at),
        "parentRunId": run.parent_run_id,
        "rerunOf": run.rerun_of,
    }
    if steps is not None:
        shown["steps"] = [_step_run_json(one) for one in steps]
    return shown


def shown_status(run: WorkflowRun) -> str:
    """Return the status in the contract's words, which know no waiting."""
    return "running" if run.status == "waiting" else run.status


def form_json(one: StepRun) -> JSONObject:
    """Return a form that waits for a person."""
    form = one.data.get("form")
    return {
        "runId": one.run_id,
        "stepKey": one.key,
        "form": form,
        "createdAt": time_text(one.created_at),
        "expiresAt": time_text(one.due_at),
    }


def to_core_config(config: JSONObject, step_type: str) -> JSONObject:
    """Return the settings of a step with their names as the core spells them; values stay as they are."""
    renamed = {snake(name): value for name, value in config.items()}
    body = renamed.get("step")
    if step_type in _BODIES and isinstance(body, dict) and isinstance(body.get("config"), dict):
        renamed["step"] = {**body, "config": to_core_config(cast("JSONObject", body["config"]), str(body.get("type")))}
    return renamed


def to_wire_config(config: JSONObject, step_type: str) -> JSONObject:
    """Return the settings of a step in this contract's spelling."""
    renamed = {camel(name): value for name, value in config.items()}
    body = renamed.get("step")
    if step_type in _BODIES and isinstance(body, dict) and isinstance(body.get("config"), dict):
        renamed["step"] = {**body, "config": to_wire_config(cast("JSONObject", body["config"]), str(body.get("type")))}
    return renamed


def _step(body: StepBody) -> Step:
    return Step(
        id=body.id,
        key=body.key,
        type=cast("StepType", body.type),
        name=body.name,
        config=to_core_config(body.config, body.type),
        timeout_s=body.timeout_seconds,
        attempts_max=body.retry.attempts,
        retry_wait_s=body.retry.wait_seconds,
        has_default="default" in body.model_fields_set,
        default=body.default,
    )


def _edge(body: EdgeBody) -> Edge:
    branch = str(body.branch).lower() if isinstance(body.branch, bool) else body.branch
    return Edge(source=body.source, target=body.target, branch=branch or None)


def _schedule(body: ScheduleBody) -> Schedule:
    return Schedule(
        enabled=body.enabled,
        interval_min=body.interval_minutes,
        cron=body.cron,
        time_zone=body.time_zone,
        inputs=body.inputs,
        missed=body.missed,
        allows_overlap=body.allow_overlap,
    )


def step_json(step: Step) -> JSON:
    """Return one step, without what is as it is anyway."""
    shown: JSONObject = {
        "id": step.id,
        "key": step.key,
        "type": step.type,
        "name": step.name,
        "config": to_wire_config(step.config, step.type),
    }
    if step.timeout_s is not None:
        shown["timeoutSeconds"] = step.timeout_s
    if step.attempts_max > 1:
        shown["retry"] = {"attempts": step.attempts_max, "waitSeconds": step.retry_wait_s}
    if step.has_default:
        shown["default"] = step.default
    return shown


def edge_json(edge: Edge) -> JSON:
    """Return one line."""
    shown: JSONObject = {"from": edge.source, "to": edge.target}
    if edge.branch is not None:
        shown["branch"] = edge.branch
    return shown


def schedule_json(schedule: Schedule | None) -> JSON:
    """Return when a workflow starts by itself, as somebody wants it."""
    if schedule is None:
        return None
    return {
        "enabled": schedule.enabled,
        "intervalMinutes": schedule.interval_min,
        "cron": schedule.cron,
        "timeZone": schedule.time_zone,
        "inputs": schedule.inputs,
        "missed": schedule.missed,
        "allowOverlap": schedule.allows_overlap,
    }


def _schedule_json(workflow: Workflow) -> JSON:
    shown = schedule_json(workflow.schedule)
    return {**shown, "nextRunAt": time_text(workflow.next_run_at)} if isinstance(shown, dict) else None


def _step_run_json(one: StepRun) -> JSON:
    return {
        "stepId": one.step_id,
        "key": one.key,
        "item": one.item,
        "status": one.status,
        "input": one.input,
        "output": one.output,
        "error": one.error,
        "branch": one.branch,
        "startedAt": time_text(one.started_at),
        "finishedAt": time_text(one.finished_at),
        "dueAt": time_text(one.due_at),
        "attempt": one.attempt,
    }
