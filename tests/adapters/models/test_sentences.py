"""Sentences that can be quoted come out of pages, Markdown and tables, and headings stay with what they head."""

from hypothesis import given
from hypothesis import strategies as st

from trivium.adapters.models.sentences import SENTENCE_CHARS_MAX, split_text


def split(text: str, heading: str = "") -> list[tuple[str, str]]:
    return [(sentence.heading, sentence.text) for sentence in split_text(text, heading)]


def test_wrapped_lines_are_joined_and_sentences_cut() -> None:
    text = "The lamp gives warm or\ncold white light. Turn the ring at the top. It costs 3.50 euros, e.g. today."
    assert split(text, "Lamps") == [
        ("Lamps", "The lamp gives warm or cold white light."),
        ("Lamps", "Turn the ring at the top."),
        ("Lamps", "It costs 3.50 euros, e.g. today."),
    ]


def test_headings_are_kept_with_the_text_below_them() -> None:
    text = "# Returns\n\nYou have 30 days.\n\nWhat it costs\nReturns are free. We pay.\n\nElsewhere\n\nYou pay for it."
    assert split(text) == [
        ("Returns", "You have 30 days."),
        ("What it costs", "Returns are free."),
        ("What it costs", "We pay."),
        ("Elsewhere", "You pay for it."),
    ]


def test_a_heading_that_runs_on_from_a_paragraph_is_none_of_it() -> None:
    text = "It does not limit your rights. How long you have to return an item\n\nYou have 30 days."
    assert split(text) == [
        ("", "It does not limit your rights."),
        ("How long you have to return an item", "You have 30 days."),
    ]


def test_items_and_rows_stand_for_themselves() -> None:
    text = "Colours:\n- dark red\n- light blue\n\nName: Lamp; Price: 59.00\nName: Chair; Price: 249.00\n| a | b c |"
    assert [text for _, text in split(text)] == [
        "dark red",
        "light blue",
        "Name: Lamp; Price: 59.00",
        "Name: Chair; Price: 249.00",
        "a | b c",
    ]


def test_only_sentences_of_one_paragraph_follow_each_other() -> None:
    numbers = [sentence.paragraph for sentence in split_text("One two. Three four.\n\nFive six. Seven eight.")]
    assert numbers[0] == numbers[1] != numbers[2] == numbers[3]


@given(st.text(alphabet=st.sampled_from("ab A.!?\n\r\t#-|:;1)“”…"), max_size=300))
def test_whatever_is_quoted_stands_in_the_text(text: str) -> None:
    joined = "".join(text.split())
    for sentence in split_text(text):
        assert "".join(sentence.text.split()) in joined
        assert len(sentence.text) <= SENTENCE_CHARS_MAX
