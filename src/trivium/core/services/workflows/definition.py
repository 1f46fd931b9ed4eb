"""Checking a diagram before it is saved: every error is InvalidRequest and names the place."""

import contextlib
import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from typing import Any, cast, get_args

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.workflows import ERROR_BRANCH, Edge, Step, StepType
from trivium.core.services.workflows import expressions, templates
from trivium.core.services.workflows.combinations import check_combination
from trivium.core.services.workflows.graph import Graph, keys_before
from trivium.core.services.workflows.settings import SETTINGS, bad, check_settings
from trivium.core.services.workflows.storing import storing_problem

STEPS_MAX = 200
EDGES_MAX = 1_000
SIZE_CHARS_MAX = 1_000_000
ITEM_TYPES = frozenset({"llm", "knowledge", "agent", "agent_tool", "mcp", "http", "code", "transform", "workflow"})
_KEY = re.compile(r"[a-z][a-zA-Z0-9_]{0,63}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ALWAYS = frozenset({"inputs", "run"})
_IN_ITEM = frozenset({"item", "index", "previous"})
_RESERVED = _ALWAYS | _IN_ITEM | {"error"}
_EXPRESSIONS = {"condition": ("expression",), "transform": ("expression",), "loop": ("until",)}
# Settings in which braces mean nothing.
_UNREAD: Mapping[str, frozenset[str]] = {
    "code": frozenset({"source"}),
    "llm": frozenset({"json_schema"}),
    "agent_tool": frozenset({"config"}),
}
# Settings that are not filled in before the step runs: those, and what is filled in for each item.
LITERAL: Mapping[str, frozenset[str]] = {
    **_UNREAD,
    "loop": frozenset({"step", "until"}),
    "map": frozenset({"step"}),
}


def check(steps: Sequence[Step], edges: Sequence[Edge]) -> Graph:
    """Return the graph, or raise InvalidRequest: ids, keys, settings, edges, cycles, names in templates."""
    _check_size(steps, edges)
    _check_identities(steps)
    for number, step in enumerate(steps):
        with _naming(step, f"steps[{number}]"):
            _check_step(step, f"steps[{number}]")
    _check_edges(steps, edges)
    graph = Graph(steps, edges)
    if cycle := graph.cycle():
        names = " → ".join(graph.by_id[step_id].key for step_id in cycle)
        raise bad("edges", f"the steps go in a circle: {names}")
    for number, step in enumerate(steps):
        known = {*keys_before(graph, step.id), *_ALWAYS}
        with _naming(step, f"steps[{number}]"):
            _check_names(step.type, step.config, known, f"steps[{number}].config")
    return graph


def branches_of(step: Step) -> frozenset[str]:
    """Return the names that edges from this step may carry."""
    if step.type == "condition":
        cases = step.config.get("cases")
        if isinstance(cases, list):
            return frozenset({ERROR_BRANCH, "else", *(str(case["name"]) for case in cases if isinstance(case, dict))})
        return frozenset({ERROR_BRANCH, "true", "false"})
    return frozenset({ERROR_BRANCH, "expired"} if step.type == "human" else {ERROR_BRANCH})


def item_step(step: Step) -> Step:
    """Return the step that a loop or map runs for each item; its settings were checked when the workflow was saved."""
    body = cast("dict[str, Any]", step.config["step"])
    return Step(id=step.id, key=step.key, type=body["type"], config=body.get("config") or {}, timeout_s=step.timeout_s)


def _check_size(steps: Sequence[Step], edges: Sequence[Edge]) -> None:
    if not steps:
        raise bad("steps", "a workflow needs at least one step")
    if len(steps) > STEPS_MAX:
        raise bad("steps", f"there may be at most {STEPS_MAX}")
    if len(edges) > EDGES_MAX:
        raise bad("edges", f"there may be at most {EDGES_MAX}")
    problem = storing_problem([[step.config, step.default, step.name] for step in steps], SIZE_CHARS_MAX)
    if problem is not None:
        raise bad("steps", f"what they hold {problem}")


@contextlib.contextmanager
def _naming(step: Step, place: str) -> Generator[None, None, None]:
    """Add to an error the key of its step and the field, for people who do not count steps."""
    try:
        yield
    except InvalidRequest as error:
        where, reason = str(error.details["place"]), error.details["reason"]
        field = where.removeprefix(f"{place}.").removeprefix("config.")
        details = {**error.details, "step": step.key, "field": field}
        raise InvalidRequest(f"{where} (step {step.key}): {reason}.", code=error.code, details=details) from error


def _check_identities(steps: Sequence[Step]) -> None:
    ids: set[str] = set()
    keys: set[str] = set()
    for number, step in enumerate(steps):
        place = f"steps[{number}]"
        if not _ID.fullmatch(step.id):
            raise bad(f"{place}.id", "must be 1 to 64 letters, digits, _ or -")
        if not _KEY.fullmatch(step.key):
            raise bad(f"{place}.key", "must be a small letter followed by letters, digits or _")
        if step.key in _RESERVED:
            raise bad(f"{place}.key", f"{step.key} has a meaning of its own")
        if step.id in ids or step.key in keys:
            raise bad(f"{place}.{'id' if step.id in ids else 'key'}", "is used by another step")
        ids.add(step.id)
        keys.add(step.key)


def _check_step(step: Step, place: str) -> None:
    if step.type not in get_args(StepType):
        raise bad(f"{place}.type", f"there is no step type {step.type!r}; there are " + ", ".join(SETTINGS))
    if not 1 <= step.attempts_max <= 10:
        raise bad(f"{place}.retry.attempts", "must lie between 1 and 10")
    if not 0 <= step.retry_wait_s <= 86_400:
        raise bad(f"{place}.retry.wait_seconds", "must lie between 0 and 86400")
    if step.timeout_s is not None and not 0.01 <= step.timeout_s <= 3_600:
        raise bad(f"{place}.timeout_seconds", "must lie between 0.01 and 3600")
    if step.timeout_s is not None and step.type in ("delay", "human"):
        raise bad(f"{place}.timeout_seconds", f"a step of type {step.type} ends by its own settings")
    check_settings(step.type, step.config, f"{place}.config")
    check_combination(step.type, step.config, f"{place}.config")
    if step.type in ("loop", "map"):
        _check_body(step, f"{place}.config.step")


def _check_body(step: Step, place: str) -> None:
    body = cast("JSONObject", step.config["step"])
    kind, config = body.get("type"), body.get("config", {})
    if not isinstance(kind, str) or kind not in ITEM_TYPES:
        raise bad(f"{place}.type", "must be one of " + ", ".join(sorted(ITEM_TYPES)))
    if not isinstance(config, dict) or set(body) - {"type", "config"}:
        raise bad(place, "holds a type and a config, nothing else")
    check_settings(cast("StepType", kind), config, f"{place}.config")
    check_combination(cast("StepType", kind), config, f"{place}.config")


def _check_edges(steps: Sequence[Step], edges: Sequence[Edge]) -> None:
    by_id = {step.id: step for step in steps}
    seen: set[Edge] = set()
    for number, edge in enumerate(edges):
        place = f"edges[{number}]"
        for name, step_id in (("from", edge.source), ("to", edge.target)):
            if step_id not in by_id:
                raise bad(f"{place}.{name}", f"there is no step {step_id!r}")
        if edge in seen:
            raise bad(place, "is there twice")
        seen.add(edge)
        allowed = branches_of(by_id[edge.source])
        if edge.branch is not None and edge.branch not in allowed:
            raise bad(f"{place}.branch", "must be one of " + ", ".join(sorted(allowed)))


def _check_names(kind: str, config: JSONObject, known: Collection[str], place: str) -> None:
    """Every template and expression reads only steps that lead here."""
    for field, value in config.items():
        where = f"{place}.{field}"
        if field == "step" and kind in ("loop", "map"):
            body: JSON = value.get("config") if isinstance(value, dict) else None
            if isinstance(value, dict) and isinstance(body, dict):
                _check_names(str(value["type"]), body, {*known, *_IN_ITEM}, f"{where}.config")
        elif field not in _UNREAD.get(kind, ()):
            names = known if field != "until" else {*known, *_IN_ITEM}
            for name in _names_in(kind, field, value, where):
                if name not in names:
                    raise bad(where, f"{name} is not the key of an earlier step")


def _names_in(kind: str, field: str, value: JSON, place: str) -> Iterator[str]:
    try:
        if field in _EXPRESSIONS.get(kind, ()) and isinstance(value, str):
            expressions.check(value)
            yield from expressions.names_in(value)
        elif field == "cases" and isinstance(value, list):
            for case in cast("list[JSONObject]", value):
                expressions.check(str(case["expression"]))
                yield from expressions.names_in(str(case["expression"]))
        else:
            for path in templates.references(value):
                yield templates.root_of(path)
    except InvalidRequest as error:
        raise bad(place, error.message.rstrip(".")) from error
