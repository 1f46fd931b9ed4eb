"""Passages keep every word, stay within their size, and never cross a heading or a page."""

from hypothesis import given
from hypothesis import strategies as st

from trivium.core.ports.knowledge import ExtractedPart
from trivium.core.services.chunking import WORDS_MAX, chunk, word_count

words = st.text(alphabet="abcdefghij .?!\n", min_size=1, max_size=4000)


@given(st.lists(words, min_size=1, max_size=4), st.sampled_from(["general", "parent_child"]))
def test_no_word_is_lost_or_invented(texts: list[str], mode: str) -> None:
    parts = [ExtractedPart(text=text, heading=str(number)) for number, text in enumerate(texts)]
    chunks = chunk(parts, mode)  # type: ignore[arg-type]
    assert "".join("".join(one.text.split()) for one in chunks) == "".join("".join(text.split()) for text in texts)
    assert all(word_count(one.text) <= WORDS_MAX + 30 for one in chunks)


def test_a_passage_stays_under_its_heading_and_page() -> None:
    parts = [
        ExtractedPart(text="One.", heading="A", page=1),
        ExtractedPart(text="Two.", heading="A", page=1),
        ExtractedPart(text="Three.", heading="A", page=2),
        ExtractedPart(text="Four.", heading="B", page=2),
    ]
    assert [(one.heading, one.page, one.text) for one in chunk(parts)] == [
        ("A", 1, "One.\n\nTwo."),
        ("A", 2, "Three."),
        ("B", 2, "Four."),
    ]


def test_each_piece_of_a_table_begins_with_the_header() -> None:
    table = "\n".join(["Name | Town", *(f"Person {n} | Town {n}" for n in range(100))])
    pieces = chunk([ExtractedPart(text=table, kind="table")])
    assert len(pieces) > 3
    assert all(piece.text.startswith("Name | Town\n") for piece in pieces)
    assert sum(piece.text.count("Person") for piece in pieces) == 100


def test_text_without_spaces_is_cut_too() -> None:
    assert max(word_count(one.text) for one in chunk([ExtractedPart(text="京" * 20_000)])) <= WORDS_MAX + 30


def test_children_are_short_and_know_their_parent() -> None:
    text = " ".join(f"This is sentence number {n} of the story." for n in range(40))
    children = chunk([ExtractedPart(text=text)], "parent_child")
    assert all(word_count(one.text) <= 90 and one.text in one.context for one in children)
    assert len(children) > len(chunk([ExtractedPart(text=text)]))


def test_questions_stay_with_their_answers() -> None:
    text = "Q: When do you open?\nA: At nine.\n\nQ: When do you close?\nA: At six."
    assert [one.text for one in chunk([ExtractedPart(text=text)], "question_answer")] == [
        "When do you open?\nAt nine.",
        "When do you close?\nAt six.",
    ]
    asked = ExtractedPart(text="At nine.", heading="FAQ > When do you open?")
    assert chunk([asked], "question_answer")[0].text == "When do you open?\nAt nine."
