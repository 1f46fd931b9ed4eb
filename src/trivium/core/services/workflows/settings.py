"""What the settings of each type of step may hold: one table, checked when a workflow is saved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.workflows import StepType

Kind = Literal["text", "template", "any", "number", "boolean", "object", "list", "expression", "source"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One field of a step's `config`. "text" is fixed; "template" and "any" may hold placeholders ("any": any JSON)."""

    kind: Kind
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: float = 0
    maximum: float = 1_000_000_000


_TEXT_CHARS_MAX = 100_000
_PYTHON: dict[Kind, tuple[type, ...]] = {
    "text": (str,),
    "template": (str,),
    "source": (str,),
    "expression": (str,),
    "boolean": (bool,),
    "object": (dict,),
    "list": (list,),
}
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_NEEDED_TEXT = Setting(kind="template", required=True)
_BODY = Setting(kind="object", required=True)

SETTINGS: Mapping[StepType, Mapping[str, Setting]] = {
    "input": {
        "field": Setting(kind="text"),
        "value_type": Setting(kind="text", choices=("string", "number", "boolean", "json")),
        "required": Setting(kind="boolean"),
        "default": Setting(kind="any"),
        "description": Setting(kind="text"),
    },
    "output": {"value": Setting(kind="any", required=True)},
    "llm": {
        "model": Setting(kind="text"),
        "prompt": _NEEDED_TEXT,
        "system": Setting(kind="template"),
        "temperature": Setting(kind="number", maximum=2),
        "max_tokens": Setting(kind="number", minimum=1, maximum=1_000_000),
        "json_schema": Setting(kind="object"),
    },
    "knowledge": {
        "query": _NEEDED_TEXT,
        "files": Setting(kind="any"),
        "top_k": Setting(kind="number", minimum=1, maximum=50),
    },
    "agent": {
        "agent_id": _NEEDED_TEXT,
        "prompt": _NEEDED_TEXT,
        "conversation": Setting(kind="template"),
    },
    "agent_tool": {
        "tool": Setting(kind="text", required=True),
        "agent_id": Setting(kind="text"),
        "config": Setting(kind="object"),
        "arguments": Setting(kind="any"),
        "repeatable": Setting(kind="boolean"),
    },
    "mcp": {
        "server": Setting(kind="text", required=True),
        "tool": Setting(kind="text", required=True),
        "agent_id": Setting(kind="text"),
        "arguments": Setting(kind="any"),
        "repeatable": Setting(kind="boolean"),
    },
    "http": {
        "method": Setting(kind="text", choices=_METHODS),
        "url": _NEEDED_TEXT,
        "headers": Setting(kind="object"),
        "query": Setting(kind="object"),
        "body": Setting(kind="any"),
        "timeout": Setting(kind="number", minimum=0.1, maximum=300),
        "fail_on_status": Setting(kind="boolean"),
    },
    "code": {
        "language": Setting(kind="text", choices=("python",)),
        "source": Setting(kind="source", required=True),
        "timeout": Setting(kind="number", minimum=0.1, maximum=60),
    },
    "condition": {"expression": Setting(kind="expression"), "cases": Setting(kind="list")},
    "transform": {"template": Setting(kind="any"), "expression": Setting(kind="expression")},
    "delay": {"seconds": Setting(kind="any", required=True)},
    "loop": {
        "items": Setting(kind="any"),
        "times": Setting(kind="number", minimum=1, maximum=1000),
        "until": Setting(kind="expression"),
        "step": _BODY,
    },
    "map": {
        "items": Setting(kind="any", required=True),
        "concurrency": Setting(kind="number", minimum=1, maximum=16),
        "step": _BODY,
    },
    "human": {
        "title": _NEEDED_TEXT,
        "description": Setting(kind="template"),
        "fields": Setting(kind="list"),
        "expires_in_seconds": Setting(kind="number", minimum=1, maximum=366 * 86_400),
    },
    "workflow": {"workflow_id": Setting(kind="text", required=True), "inputs": Setting(kind="any")},
}


def check_settings(step_type: StepType, config: JSONObject, place: str) -> None:
    """Raise InvalidRequest, naming the place, for an unknown, missing or wrongly typed field."""
    known = SETTINGS[step_type]
    for name in config:
        if name not in known:
            raise bad(f"{place}.{name}", f"a step of type {step_type} has no such setting")
    for name, setting in known.items():
        value = config.get(name)
        if value is None or value == "":
            if setting.required:
                raise bad(f"{place}.{name}", "is needed")
            continue
        _check_value(setting, value, f"{place}.{name}")
    _ONE_OF.get(step_type, _nothing)(config, place)


def bad(place: str, reason: str) -> InvalidRequest:
    """Return the error that names a place in a workflow document."""
    return InvalidRequest(f"{place}: {reason}.", code="invalid_workflow", details={"place": place, "reason": reason})


def _check_value(setting: Setting, value: JSON, place: str) -> None:
    if setting.kind == "any":
        return
    if setting.kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise bad(place, "must be a number")
        if not setting.minimum <= value <= setting.maximum:
            raise bad(place, f"must lie between {setting.minimum:g} and {setting.maximum:g}")
        return
    if not isinstance(value, _PYTHON[setting.kind]):
        raise bad(place, f"must be {'text' if _PYTHON[setting.kind] == (str,) else f'of type {setting.kind}'}")
    if isinstance(value, str) and len(value) > _TEXT_CHARS_MAX:
        raise bad(place, f"is longer than {_TEXT_CHARS_MAX} characters")
    if setting.choices and value not in setting.choices:
        raise bad(place, "must be one of " + ", ".join(setting.choices))


def _nothing(config: JSONObject, place: str) -> None:
    """Most types need no rule beyond their table."""


def _check_condition(config: JSONObject, place: str) -> None:
    cases = config.get("cases")
    if (config.get("expression") is None) == (cases is None):
        raise bad(place, "needs either an expression or cases")
    for number, case in enumerate(cases if isinstance(cases, list) else []):
        is_sound = isinstance(case, dict) and set(case) == {"name", "expression"}
        if not is_sound or not all(isinstance(value, str) and value for value in case.values()):  # type: ignore[union-attr]
            raise bad(f"{place}.cases[{number}]", "must hold the texts name and expression")


def _check_transform(config: JSONObject, place: str) -> None:
    if ("template" in config) == ("expression" in config):
        raise bad(place, "needs either a template or an expression")


def _check_loop(config: JSONObject, place: str) -> None:
    if ("items" in config) == ("times" in config):
        raise bad(place, "needs either items or times")


def _check_delay(config: JSONObject, place: str) -> None:
    seconds = config["seconds"]
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if not is_number and not (isinstance(seconds, str) and "{{" in seconds):
        raise bad(f"{place}.seconds", "must be a number or a placeholder")


def _check_human(config: JSONObject, place: str) -> None:
    fields = config.get("fields") or []
    names = set()
    for number, field in enumerate(fields if isinstance(fields, list) else []):
        name = field.get("name") if isinstance(field, dict) else None
        if not isinstance(name, str) or not name or name in names:
            raise bad(f"{place}.fields[{number}].name", "must be a text of its own")
        names.add(name)


_ONE_OF = {
    "condition": _check_condition,
    "transform": _check_transform,
    "loop": _check_loop,
    "delay": _check_delay,
    "human": _check_human,
}
