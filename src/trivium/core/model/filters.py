"""Conditions on data: what a caller's filter hints mean."""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON

_ALIASES = {
    "eq": "equals",
    "=": "equals",
    "==": "equals",
    "equal": "equals",
    "is": "equals",
    "ne": "not_equals",
    "neq": "not_equals",
    "!=": "not_equals",
    "<>": "not_equals",
    "not_equal": "not_equals",
    "like": "contains",
    "includes": "contains",
    "startswith": "starts_with",
    "prefix": "starts_with",
    "endswith": "ends_with",
    "suffix": "ends_with",
    "any_of": "in",
    "one_of": "in",
    "nin": "not_in",
    "none_of": "not_in",
    "gt": "greater_than",
    ">": "greater_than",
    "after": "greater_than",
    "gte": "at_least",
    ">=": "at_least",
    "lt": "less_than",
    "<": "less_than",
    "before": "less_than",
    "lte": "at_most",
    "<=": "at_most",
}


def normal_operator(name: str) -> str:
    """Return the one name of an operator; InvalidRequest lists the operators when there is none of that name."""
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    plain = _ALIASES.get(plain, plain)
    if plain not in _TESTS:
        raise InvalidRequest(f"Unknown filter {name!r}; there are: {', '.join(_TESTS)}.", code="unknown_operator")
    return plain


def matches(found: JSON, operator: str, wanted: JSON) -> bool:
    """True when a found value meets the condition.

    Numbers compare as numbers, also where they are written as text; everything else as text without regard to case, so
    dates compare when they are written year first. A list that was found meets it when one of its values does.
    """
    operator = normal_operator(operator)
    test = _TESTS[operator]
    if isinstance(found, list):
        if operator in ("not_equals", "not_in"):
            return all(test(one, wanted) for one in found)
        return any(test(one, wanted) for one in found)
    return test(found, wanted)


def _compared(found: JSON, wanted: JSON) -> int | None:
    """Return -1, 0 or 1, or None when one of the two is nothing."""
    if found is None or wanted is None:
        return 0 if found is wanted else None
    left, right = _number(found), _number(wanted)
    if left is not None and right is not None:
        return (left > right) - (left < right)
    one, other = _text(found), _text(wanted)
    return (one > other) - (one < other)


def _number(value: JSON) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _text(value: JSON) -> str:
    return str(value).strip().casefold()


def _in(found: JSON, wanted: JSON) -> bool:
    values = wanted if isinstance(wanted, list) else list[JSON](str(wanted).split(","))
    return any(_compared(found, value) == 0 for value in values)


_TESTS: dict[str, Callable[[JSON, JSON], bool]] = {
    "equals": lambda found, wanted: _compared(found, wanted) == 0,
    "not_equals": lambda found, wanted: _compared(found, wanted) != 0,
    "contains": lambda found, wanted: found is not None and _text(wanted) in _text(found),
    "starts_with": lambda found, wanted: found is not None and _text(found).startswith(_text(wanted)),
    "ends_with": lambda found, wanted: found is not None and _text(found).endswith(_text(wanted)),
    "in": _in,
    "not_in": lambda found, wanted: not _in(found, wanted),
    "greater_than": lambda found, wanted: _compared(found, wanted) == 1,
    "at_least": lambda found, wanted: _compared(found, wanted) in (0, 1),
    "less_than": lambda found, wanted: _compared(found, wanted) == -1,
    "at_most": lambda found, wanted: _compared(found, wanted) in (0, -1),
}

OPERATORS = tuple(_TESTS)
