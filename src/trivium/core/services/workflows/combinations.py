"""What a table of settings cannot say: settings that need or exclude each other, and what can only fail."""

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from trivium.core.model.json import JSONObject
from trivium.core.model.workflows import StepType
from trivium.core.services.workflows.inputs import type_problem
from trivium.core.services.workflows.settings import bad

DELAY_MAX = timedelta(days=366)
FIELD_TYPES = ("string", "number", "boolean", "json")
_FIELD_NAMES = frozenset({"name", "title", "description", "type", "required", "options", "default"})
_FIELDS_MAX = 100
_CASES_MAX = 50
_CASE = re.compile(r"[^\x00-\x1f]{1,64}")
_BRANCHES = frozenset({"else", "error"})
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
# These would take the request somewhere else or change where it begins and ends.
_HEADERS_REFUSED = frozenset({"connection", "content-length", "host", "transfer-encoding", "upgrade"})


def check_combination(step_type: StepType, config: JSONObject, place: str) -> None:
    """Raise InvalidRequest, naming the place. Every single setting has its type already."""
    rule = _RULES.get(step_type)
    if rule is not None:
        rule(config, place)


def _check_input(config: JSONObject, place: str) -> None:
    field = config.get("field")
    if isinstance(field, str) and "{{" in field:
        raise bad(f"{place}.field", "is a name and takes no placeholder")
    default = config.get("default")
    problem = None if default is None else type_problem(default, config.get("value_type"))
    if problem is not None:
        raise bad(f"{place}.default", problem)


def _check_condition(config: JSONObject, place: str) -> None:
    cases = config.get("cases")
    if (config.get("expression") is None) == (cases is None):
        raise bad(place, "needs either an expression or cases")
    if not isinstance(cases, list):
        return
    if not 1 <= len(cases) <= _CASES_MAX:
        raise bad(f"{place}.cases", f"there must be 1 to {_CASES_MAX}")
    names: set[str] = set()
    for number, case in enumerate(cases):
        where = f"{place}.cases[{number}]"
        if not isinstance(case, dict) or set(case) != {"name", "expression"}:
            raise bad(where, "must hold name and expression")
        name, expression = case["name"], case["expression"]
        if not isinstance(name, str) or not _CASE.fullmatch(name) or name in _BRANCHES or name in names:
            raise bad(f"{where}.name", "must be a text of its own, up to 64 characters, not else or error")
        if not isinstance(expression, str) or not expression.strip():
            raise bad(f"{where}.expression", "must be text")
        names.add(name)


def _check_transform(config: JSONObject, place: str) -> None:
    if ("template" in config) == ("expression" in config):
        raise bad(place, "needs either a template or an expression")
    if "expression" in config and config["expression"] is None:
        raise bad(f"{place}.expression", "is needed")


def _check_loop(config: JSONObject, place: str) -> None:
    if (config.get("items") is None) == (config.get("times") is None):
        raise bad(place, "needs either items or times")


def _check_delay(config: JSONObject, place: str) -> None:
    seconds = config["seconds"]
    if isinstance(seconds, str) and "{{" in seconds:
        return
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise bad(f"{place}.seconds", "must be a number or a placeholder")
    if not 0 <= seconds <= DELAY_MAX.total_seconds():
        raise bad(f"{place}.seconds", f"must lie between 0 and {DELAY_MAX.total_seconds():.0f}")


def _check_http(config: JSONObject, place: str) -> None:
    url = str(config["url"]).strip()
    # Up to its first placeholder an address is known; what follows is checked when the step runs.
    known, _, rest = url.partition("{{")
    if known and not rest:
        _check_address(known, f"{place}.url")
    elif "://" in known and not known.lower().startswith(("http://", "https://")):
        raise bad(f"{place}.url", "must be an http or https address")
    headers = config.get("headers")
    for name, value in headers.items() if isinstance(headers, dict) else ():
        where = f"{place}.headers"
        if not _HEADER_NAME.fullmatch(name) or name.lower() in _HEADERS_REFUSED:
            raise bad(where, f"the header {name[:100]!r} cannot be set")
        if isinstance(value, dict | list) or (isinstance(value, str) and any(ord(char) < 32 for char in value)):
            raise bad(where, f"the value of {name} must be text of one line")


def _check_address(url: str, place: str) -> None:
    try:
        parts = urlsplit(url)
        is_sound = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        is_sound = is_sound and (parts.port is None or parts.port > 0)
    except ValueError:
        is_sound = False
    if not is_sound:
        raise bad(place, "must be an http or https address without a user name")


def _check_code(config: JSONObject, place: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(str(config["source"]))
    except SyntaxError as error:
        raise bad(f"{place}.source", f"is not Python: {error.msg} (line {error.lineno})") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise bad(f"{place}.source", "is not Python, or nested too deep") from error


def _check_human(config: JSONObject, place: str) -> None:
    fields = config.get("fields") or []
    names: set[str] = set()
    if not isinstance(fields, list) or len(fields) > _FIELDS_MAX:
        raise bad(f"{place}.fields", f"there may be at most {_FIELDS_MAX}")
    for number, field in enumerate(fields):
        where = f"{place}.fields[{number}]"
        if not isinstance(field, dict):
            raise bad(where, "must be an object")
        name = field.get("name")
        if not isinstance(name, str) or not name or name in names:
            raise bad(f"{where}.name", "must be a text of its own")
        names.add(name)
        _check_form_field(field, where)


def _check_form_field(field: JSONObject, place: str) -> None:
    for name in field:
        if name not in _FIELD_NAMES:
            raise bad(f"{place}.{name}", "a field of a form has no such setting")
    for name in ("title", "description"):
        if not isinstance(field.get(name, ""), str):
            raise bad(f"{place}.{name}", "must be text")
    if not isinstance(field.get("required", False), bool):
        raise bad(f"{place}.required", "must be true or false")
    if field.get("type", "string") not in FIELD_TYPES:
        raise bad(f"{place}.type", "must be one of " + ", ".join(FIELD_TYPES))
    options = field.get("options")
    if options is not None and not (isinstance(options, list) and options):
        raise bad(f"{place}.options", "must be a list")


_RULES: Mapping[StepType, Callable[[JSONObject, str], None]] = {
    "input": _check_input,
    "condition": _check_condition,
    "transform": _check_transform,
    "loop": _check_loop,
    "delay": _check_delay,
    "http": _check_http,
    "code": _check_code,
    "human": _check_human,
}
