"""What the settings of each type of step may hold: one table, checked when a workflow is saved."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.workflows import StepType

# "text" is fixed; "template" may hold placeholders; "filled" is an object, or a placeholder that becomes one, and
# "items" a list or such a placeholder; "any" is any JSON with placeholders in it.
Kind = Literal[
    "text",
    "template",
    "any",
    "number",
    "boolean",
    "object",
    "filled",
    "list",
    "items",
    "names",
    "expression",
    "source",
]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One field of a step's `config`."""

    kind: Kind
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: float = 0
    maximum: float = 1_000_000_000
    is_whole: bool = False


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
_WANTED: dict[Kind, str] = {
    "boolean": "true or false",
    "object": "an object",
    "list": "a list",
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
        "max_tokens": Setting(kind="number", minimum=1, maximum=1_000_000, is_whole=True),
        "json_schema": Setting(kind="object"),
    },
    "knowledge": {
        "query": _NEEDED_TEXT,
        "files": Setting(kind="names"),
        "top_k": Setting(kind="number", minimum=1, maximum=50, is_whole=True),
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
        "arguments": Setting(kind="filled"),
        "repeatable": Setting(kind="boolean"),
    },
    "mcp": {
        "server": Setting(kind="text", required=True),
        "tool": Setting(kind="text", required=True),
        "agent_id": Setting(kind="text"),
        "arguments": Setting(kind="filled"),
        "repeatable": Setting(kind="boolean"),
    },
    "http": {
        "method": Setting(kind="text", choices=_METHODS),
        "url": _NEEDED_TEXT,
        "headers": Setting(kind="filled"),
        "query": Setting(kind="filled"),
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
        "items": Setting(kind="items"),
        "times": Setting(kind="number", minimum=1, maximum=10_000, is_whole=True),
        "until": Setting(kind="expression"),
        "step": _BODY,
    },
    "map": {
        "items": Setting(kind="items", required=True),
        "concurrency": Setting(kind="number", minimum=1, maximum=16, is_whole=True),
        "step": _BODY,
    },
    "human": {
        "title": _NEEDED_TEXT,
        "description": Setting(kind="template"),
        "fields": Setting(kind="list"),
        "expires_in_seconds": Setting(kind="number", minimum=1, maximum=366 * 86_400),
    },
    "workflow": {"workflow_id": Setting(kind="text", required=True), "inputs": Setting(kind="filled")},
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
            if setting.required and (name not in config or setting.kind != "any"):
                raise bad(f"{place}.{name}", "is needed")
            if value == "" and setting.kind not in ("text", "template", "any"):
                raise bad(f"{place}.{name}", "is empty")
            continue
        _check_value(setting, value, f"{place}.{name}")


def bad(place: str, reason: str) -> InvalidRequest:
    """Return the error that names a place in a workflow document."""
    return InvalidRequest(f"{place}: {reason}.", code="invalid_workflow", details={"place": place, "reason": reason})


def _check_value(setting: Setting, value: JSON, place: str) -> None:
    if setting.kind == "any":
        return
    if setting.kind == "number":
        _check_number(setting, value, place)
    elif setting.kind in ("filled", "items"):
        wanted, name = (dict, "an object") if setting.kind == "filled" else (list, "a list")
        if not isinstance(value, wanted) and not is_placeholder(value):
            raise bad(place, f"must be {name}, or one placeholder that becomes it")
    elif setting.kind == "names":
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) and text for text in texts):
            raise bad(place, "must be a list of texts")
    elif not isinstance(value, _PYTHON[setting.kind]):
        raise bad(place, f"must be {_WANTED.get(setting.kind, 'text')}")
    elif isinstance(value, str):
        _check_text(setting, value, place)


def _check_number(setting: Setting, value: JSON, place: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise bad(place, "must be a number")
    if setting.is_whole and value != int(value):
        raise bad(place, "must be a whole number")
    if not setting.minimum <= value <= setting.maximum:
        raise bad(place, f"must lie between {setting.minimum:g} and {setting.maximum:g}")


def _check_text(setting: Setting, value: str, place: str) -> None:
    if len(value) > _TEXT_CHARS_MAX:
        raise bad(place, f"is longer than {_TEXT_CHARS_MAX} characters")
    known = (value, value.upper()) if setting.choices is _METHODS else (value,)
    if setting.choices and not any(text in setting.choices for text in known):
        raise bad(place, "must be one of " + ", ".join(setting.choices))


def is_placeholder(value: JSON) -> bool:
    """True for a text that is one placeholder, which may become a value of any type."""
    text = value.strip() if isinstance(value, str) else ""
    return text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1
