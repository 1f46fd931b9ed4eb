"""The retrieval set: passages of our own writing, and questions with the section that answers each."""

import csv
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Question:
    """A question; `section` is None when nothing in the set answers it."""

    language: str
    document: str
    section: str | None
    text: str


def read_documents() -> dict[str, bytes]:
    """Return name → Markdown."""
    return {path.name: path.read_bytes() for path in sorted((_FOLDER / "documents").glob("*.md"))}


def read_questions() -> list[Question]:
    """Return every question, in the order of the file."""
    with (_FOLDER / "questions.tsv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Question(row[0], f"{row[1]}.md", None if row[2] == "-" else row[2], row[3]) for row in rows]
