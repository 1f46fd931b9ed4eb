"""A workflow as a document of plain JSON, and back: what configuration as code compares, stores and shows.

It has no ids of the server, no times and no secret. Absent fields of a wish stay as they are in the stored workflow.
"""

from dataclasses import asdict
from typing import Any, cast

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.workflows import Edge, Schedule, Step, Workflow
from trivium.core.reconcile.shapes import NAME_CHARS_MAX, SectionShape
from trivium.core.services.workflows.service import Draft

SECTION = "workflows"


def _name(value: JSON) -> JSON:
    if not isinstance(value, str) or not value.strip() or len(value) > NAME_CHARS_MAX:
        raise InvalidRequest(f"A name has 1 to {NAME_CHARS_MAX} characters.")
    return value


def _event_types(value: JSON) -> JSON:
    """Events are a set: their order and doubles say nothing."""
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise InvalidRequest("A list of events is expected.")
    return [*sorted({str(entry) for entry in value})]


SHAPE = SectionShape(
    name=SECTION,
    area="workflows",
    key="name",
    required=frozenset({"name"}),
    defaults={
        "description": "",
        "enabled": True,
        "webhook_enabled": True,
        "event_types": [],
        "steps": [],
        "edges": [],
    },
    normalizers={"name": _name, "event_types": _event_types},
)
_PLAIN_FIELDS = ("name", "description", "enabled", "webhook_enabled")


def document_of(workflow: Workflow) -> JSONObject:
    """Return the whole of a stored workflow that is configuration, references still as they are stored."""
    document: JSONObject = {name: getattr(workflow, name) for name in _PLAIN_FIELDS}
    if workflow.schedule is not None:
        document["schedule"] = asdict(workflow.schedule)
    document["event_types"] = _event_types([*workflow.event_types])
    return document | _diagram(workflow.steps, workflow.edges)


def wish_of(draft: Draft) -> JSONObject:
    """Return what somebody wants of a workflow; only the fields that the draft names, None for a removed schedule."""
    wish: JSONObject = {name: value for name in _PLAIN_FIELDS if (value := getattr(draft, name)) is not None}
    if draft.schedule is not None:
        wish["schedule"] = asdict(draft.schedule)
    elif draft.removes_schedule:
        wish["schedule"] = None
    if draft.event_types is not None:
        wish["event_types"] = [*draft.event_types]
    diagram = _diagram(draft.steps or (), draft.edges or ())
    if draft.steps is not None:
        wish["steps"] = diagram["steps"]
    if draft.edges is not None:
        wish["edges"] = diagram["edges"]
    return wish


def draft_of(document: JSONObject) -> Draft:
    """Return a whole document (one that `document_of` or a plan made) as a draft that sets every field."""
    values = cast("dict[str, Any]", document)
    schedule = values.get("schedule")
    return Draft(
        **{name: values[name] for name in _PLAIN_FIELDS},
        steps=tuple(Step(**step) for step in values["steps"]),
        edges=tuple(Edge(**edge) for edge in values["edges"]),
        schedule=None if schedule is None else Schedule(**schedule),
        removes_schedule=schedule is None,
        event_types=tuple(values["event_types"]),
    )


def _diagram(steps: tuple[Step, ...], edges: tuple[Edge, ...]) -> JSONObject:
    shown_edges: list[JSON] = [_without_nones(asdict(edge)) for edge in edges]
    return {"steps": [_step(step) for step in steps], "edges": shown_edges}


def _step(step: Step) -> JSON:
    """Return a step without what is as it is anyway; a pause between tries means nothing where there is one try."""
    shown: JSONObject = {"id": step.id, "key": step.key, "type": step.type, "name": step.name, "config": step.config}
    if step.timeout_s is not None:
        shown["timeout_s"] = step.timeout_s
    if step.attempts_max != 1:
        shown |= {"attempts_max": step.attempts_max, "retry_wait_s": step.retry_wait_s}
    if step.has_default:
        shown |= {"has_default": True, "default": step.default}
    return shown


def _without_nones(values: dict[str, Any]) -> JSONObject:
    return {name: value for name, value in values.items() if value is not None}
