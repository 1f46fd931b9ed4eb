"""What filter hints mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.core.errors import InvalidRequest
from trivium.core.model.filters import OPERATORS, matches, normal_operator
from trivium.core.model.json import JSON

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)


@pytest.mark.parametrize(
    ("found", "operator", "wanted", "expected"),
    [
        ("Plant 7", "equals", "plant 7", True),
        ("7", "equals", 7, True),
        ("7.0", "eq", "7", True),
        ("10", "greater_than", "9", True),
        ("b", ">", "a", True),
        ("2026-01-05", "after", "2025-12-31", True),
        (None, "equals", "", False),
        (None, "not_equals", "x", True),
        ("abc", "contains", "B", True),
        ("abc", "in", "x, abc", True),
        ("abc", "in", ["x", "ABC"], True),
        ("abc", "not_in", ["abc"], False),
        (["a", "b"], "equals", "b", True),
        (["a", "b"], "!=", "b", False),
        ("x", "at_least", None, False),
    ],
)
def test_condition_holds(found: JSON, operator: str, wanted: JSON, expected: bool) -> None:
    assert matches(found, operator, wanted) is expected


def test_unknown_operator_is_refused_with_the_list_of_those_there_are() -> None:
    with pytest.raises(InvalidRequest, match="not_equals") as raised:
        normal_operator("sounds like")
    assert raised.value.code == "unknown_operator"


@given(scalars, scalars)
def test_opposites_exclude_each_other(found: JSON, wanted: JSON) -> None:
    assert matches(found, "equals", wanted) is not matches(found, "not_equals", wanted)
    assert not (matches(found, "less_than", wanted) and matches(found, "at_least", wanted))


@given(scalars | st.lists(scalars), st.sampled_from(OPERATORS), scalars | st.lists(scalars))
def test_any_two_values_can_be_compared(found: JSON, operator: str, wanted: JSON) -> None:
    assert matches(found, operator, wanted) in (True, False)
