"""When a visitor is handed to a person unasked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.core.services.frustration import is_frustrated


@pytest.mark.parametrize(
    "text",
    [
        "THIS IS RIDICULOUS!!!",
        "I am fed up, let me talk to someone",
        "useless and stupid",
        "WHY DOES IT NOT WORK???",
        "I want a real person, a human",
    ],
)
def test_two_signs_are_enough(text: str) -> None:
    assert is_frustrated(text, True)


@pytest.mark.parametrize(
    "text",
    ["Where is my order?", "OK", "NASA and ESA", "Is there a human there?", "Wow!!!", "My manager likes it", ""],
)
def test_one_sign_is_not(text: str) -> None:
    assert not is_frustrated(text, True)


def test_own_words_count_alone() -> None:
    assert is_frustrated("I will call my lawyer-friend", {"words": ["Lawyer"]})
    assert not is_frustrated("fine", {"words": ["lawyer", ""]})


@given(text=st.text())
def test_nothing_is_handed_over_without_a_rule(text: str) -> None:
    assert not is_frustrated(text, None)
    assert not is_frustrated(text, False)


@given(text=st.text(max_size=500))
def test_any_text_is_judged(text: str) -> None:
    assert is_frustrated(text, True) in (True, False)
