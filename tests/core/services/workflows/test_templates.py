"""Templates: what is filled in, what keeps its type, what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSONObject
from trivium.core.services.workflows.templates import look_up, references, render, root_of

SCOPE: JSONObject = {
    "call": {"body": {"items": [{"id": 7}], "name": "Ann"}},
    "inputs": {"message": "hi"},
    "empty": None,
}
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), inner),
    max_leaves=8,
)


def test_lone_placeholder_keeps_the_type_of_its_value() -> None:
    assert render("{{ call.body.items }}", SCOPE) == [{"id": 7}]
    assert render("{{call.body.items[0].id}}", SCOPE) == 7


def test_placeholder_inside_text_becomes_text() -> None:
    assert render("{{inputs.message}}, {{call.body.items.0}}!{{empty}}", SCOPE) == 'hi, {"id": 7}!'


def test_objects_and_lists_are_filled_at_any_depth() -> None:
    assert render({"a": ["{{inputs.message}}", {"b": "{{call.body.name}}"}], "n": 1}, SCOPE) == {
        "a": ["hi", {"b": "Ann"}],
        "n": 1,
    }


def test_missing_value_is_refused_unless_marked_optional() -> None:
    with pytest.raises(InvalidRequest, match=r"call\.body\.nothing"):
        render("{{call.body.nothing}}", SCOPE)
    assert render("{{call.body.nothing?}}", SCOPE) is None
    assert render("[{{call.body.nothing?}}]", SCOPE) == "[]"


@pytest.mark.parametrize("bad", ["{{}}", "{{a b}}", "{{__import__('os')}}", "{{a..b}}", "{{1a}}"])
def test_what_is_not_a_path_is_refused(bad: str) -> None:
    with pytest.raises(InvalidRequest):
        list(references({"x": [bad]}))


def test_rendered_text_has_an_upper_limit() -> None:
    with pytest.raises(InvalidRequest, match="too long"):
        render("{{a}}" * 20 + " ", {"a": "x" * 100_000})


@given(value=json_values)
def test_any_value_passes_through_unchanged(value: object) -> None:
    assert render("{{key}}", {"key": value}) == value  # type: ignore[dict-item]


@given(text=st.text().filter(lambda text: "{{" not in text))
def test_text_without_placeholders_stays(text: str) -> None:
    assert render(text, {}) == text


@given(value=st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), json_values, min_size=1))
def test_every_reference_found_can_be_looked_up(value: dict[str, object]) -> None:
    template = " ".join(f"{{{{root.{key}}}}}" for key in value)
    for path in references(template):
        assert root_of(path) == "root"
        assert look_up(path, {"root": value}) == value[path.removeprefix("root.")]  # type: ignore[dict-item]
