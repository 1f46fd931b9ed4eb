"""What is worth keeping of what a person said, by rule and from a model's reply."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.core.services.retaining import by_rule, read_statements


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("My name is Ada. How are you?", ["My name is Ada."]),
        ("Please remember that plant 7 is closed on Fridays.", ["Plant 7 is closed on Fridays."]),
        ("Remember: the gate code is 12.", ["The gate code is 12."]),
        ("We prefer invoices by mail! What do I owe?", ["We prefer invoices by mail!"]),
        ("Plant 7 is closed on Fridays.", ["Plant 7 is closed on Fridays."]),
        ("I live in Berlin\nWhat is the weather like?", ["I live in Berlin"]),
        ("From now on, answer in German.", ["From now on, answer in German."]),
        ("What is my name?", []),
        ("Show me the outlook.", []),
        ("Thanks!", []),
        ("", []),
    ],
)
def test_rules_keep_what_lasts_and_no_questions(text: str, kept: list[str]) -> None:
    assert by_rule(text) == kept


@pytest.mark.parametrize(
    ("reply", "statements"),
    [
        ('["The user is Ada.", "The user is Ada."]', ["The user is Ada."]),
        ('Sure:\n```json\n["A  b"]\n```', ["A b"]),
        ("[]", []),
        ("My name is Ada.", None),
        ('{"a": 1}', None),
        ("[1, 2]", None),
        ("[" * 5000 + "]" * 5000, None),
        ('["cut', None),
    ],
)
def test_a_reply_counts_only_as_the_list_that_was_asked_for(reply: str, statements: list[str] | None) -> None:
    assert read_statements(reply) == statements


@given(st.text(max_size=2000))
def test_any_text_gives_few_short_statements(text: str) -> None:
    for found in (by_rule(text), read_statements(text) or []):
        assert len(found) <= 10
        assert all(0 < len(one) <= 400 for one in found)
