"""The input bag: every way in fills the same one, by the fields of the Input steps."""

from collections.abc import Sequence

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.workflows import Step

_TYPES: dict[str, tuple[type, ...]] = {"string": (str,), "number": (int, float), "boolean": (bool,)}


def field_of(step: Step) -> str:
    """Return the name under which an Input step finds its value; its key when no field is set."""
    field = step.config.get("field")
    return field if isinstance(field, str) and field else step.key


def check_inputs(steps: Sequence[Step], inputs: JSONObject) -> JSONObject:
    """Return the bag with defaults filled in; what no Input step asks for is kept as it came.

    A value may be given under the field or under the key of its step (the documents use both words for it).
    InvalidRequest, naming the field, when a required value is missing or has another type.
    """
    bag = dict(inputs)
    for step in steps:
        if step.type != "input":
            continue
        field = field_of(step)
        value = bag.get(field, bag.get(step.key))
        if value is None:
            value = step.config.get("default")
        if value is None and step.config.get("required"):
            raise _bad(field, "is needed")
        problem = None if value is None else type_problem(value, step.config.get("value_type"))
        if problem is not None:
            raise _bad(field, problem)
        bag[field] = value
    return bag


def type_problem(value: JSON, value_type: JSON) -> str | None:
    """Return what is wrong with a value of this type ("json" and none at all take everything), or None."""
    expected = _TYPES.get(value_type) if isinstance(value_type, str) else None
    if expected is None:
        return None
    is_fitting = isinstance(value, expected) and not (isinstance(value, bool) and value_type == "number")
    return None if is_fitting else f"must be a {value_type}"


def _bad(field: str, reason: str) -> InvalidRequest:
    return InvalidRequest(
        f"The input {field} {reason}.", code="invalid_input", details={"place": f"inputs.{field}", "reason": reason}
    )
