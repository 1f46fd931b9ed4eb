"""Overlays and references, purely."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.cli.workspace.merging import escaped, fill, merge

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet="ab${}:env file-", max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


def no_file(name: str) -> str:
    raise AssertionError(name)


@given(VALUES)
def test_escaped_values_fill_in_to_themselves(value) -> None:
    assert fill(escaped(value), {}, no_file).value == value


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_empty_overlay_changes_nothing(base) -> None:
    assert merge(base, {}) == base


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_overlay_that_repeats_the_base_changes_nothing(base) -> None:
    assert merge(base, base) == base


def test_items_are_changed_added_and_removed_by_their_names() -> None:
    base: Any = {"skills": [{"name": "a", "body": "1", "mode": "always"}, {"name": "b"}]}
    overlay: Any = {"skills": [{"name": "a", "body": "2"}, {"name": "b", "$remove": True}, {"name": "c"}]}
    assert merge(base, overlay) == {"skills": [{"name": "a", "body": "2", "mode": "always"}, {"name": "c"}]}


def test_other_lists_are_replaced_and_null_stays() -> None:
    base: Any = {"accessLists": {"authorizedEmails": ["a@example.com"]}, "core": {"logoUrl": "x"}}
    overlay: Any = {"accessLists": {"authorizedEmails": []}, "core": {"logoUrl": None}}
    assert merge(base, overlay) == overlay


def test_references_are_filled_in_and_remembered() -> None:
    value: Any = {"url": "https://${env:HOST}/${env:PATH_OF_IT:-mcp}", "body": "${file:a.md}", "plain": "$${env:HOST}"}
    filled = fill(value, {"HOST": "example.com"}, lambda name: f"<{name}>")
    assert filled.value == {"url": "https://example.com/mcp", "body": "<a.md>", "plain": "${env:HOST}"}
    assert filled.hidden == {("url",): "PATH_OF_IT"}
    assert filled.files == {("body",): "a.md"}


def test_variable_that_is_not_set_is_named_with_its_place() -> None:
    with pytest.raises(KeyError, match=r"spec.skills\[0\].body: the variable TOKEN is not set"):
        fill({"spec": {"skills": [{"body": "${env:TOKEN}"}]}}, {}, no_file)
