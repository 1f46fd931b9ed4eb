"""Filters on metadata: whether a passage fits what was asked for."""

from collections.abc import Callable, Mapping, Sequence

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON
from trivium.core.model.knowledge import Condition


def check(conditions: Sequence[Condition]) -> None:
    """Raise InvalidRequest for an operator that does not exist."""
    for condition in conditions:
        if condition.operator not in _TESTS:
            known = ", ".join(sorted(_TESTS))
            raise InvalidRequest(
                f"{condition.operator!r} is no operator of a filter; these are: {known}.", code="invalid_filter"
            )


def matches(metadata: Mapping[str, JSON], condition: Condition) -> bool:
    """Return whether the metadata fits; letter case of keys and texts does not matter, a missing key never fits.

    Numbers compare as numbers also when one side is text ("59.00" and 59); otherwise texts compare as texts, which
    puts ISO dates in order.
    """
    key = condition.key.strip().casefold()
    for name, value in metadata.items():
        if name.strip().casefold() == key:
            return any(_TESTS[condition.operator](one, condition.value) for one in _each(value))
    return False


def knows(metadata: Mapping[str, JSON], condition: Condition) -> bool:
    """Return whether the metadata has the key at all."""
    key = condition.key.strip().casefold()
    return any(name.strip().casefold() == key for name in metadata)


def _each(value: JSON) -> Sequence[JSON]:
    return value if isinstance(value, list) else [value]


def _number(value: JSON) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _text(value: JSON) -> str:
    if isinstance(value, bool):
        return str(value).casefold()
    return str(value).strip().casefold()


def _equal(left: JSON, right: JSON) -> bool:
    first, second = _number(left), _number(right)
    return first == second if first is not None and second is not None else _text(left) == _text(right)


def _ordered(compare: Callable[[float | str, float | str], bool]) -> Callable[[JSON, JSON], bool]:
    def test(left: JSON, right: JSON) -> bool:
        first, second = _number(left), _number(right)
        if first is not None and second is not None:
            return compare(first, second)
        if first is not None or second is not None:
            return False
        return compare(_text(left), _text(right))

    return test


_TESTS: Mapping[str, Callable[[JSON, JSON], bool]] = {
    "equals": _equal,
    "not_equals": lambda left, right: not _equal(left, right),
    "in": lambda left, right: any(_equal(left, one) for one in _each(right)),
    "not_in": lambda left, right: not any(_equal(left, one) for one in _each(right)),
    "contains": lambda left, right: _text(right) in _text(left),
    "starts_with": lambda left, right: _text(left).startswith(_text(right)),
    "gt": _ordered(lambda left, right: left > right),  # type: ignore[operator]
    "gte": _ordered(lambda left, right: left >= right),  # type: ignore[operator]
    "lt": _ordered(lambda left, right: left < right),  # type: ignore[operator]
    "lte": _ordered(lambda left, right: left <= right),  # type: ignore[operator]
    "exists": lambda left, right: (left is not None and left != "") is not (right is False),
}
