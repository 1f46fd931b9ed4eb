"""How well passages are found: every question of the set against all of its passages, through the service itself."""

import asyncio
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.report import Bar, print_table
from bench.retrieval.set import Question, read_documents, read_questions
from tests.knowledge import ORG, Library, open_library
from trivium.core.ports import FoundPassage
from trivium.core.services.knowledge import POSSIBLY_FROM, QUOTE_FROM

_SHOWN = 3
_DEEP = 20


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a question found. `rank` counts from 0; None: not among the first 20, or there is nothing to be found."""

    question: Question
    rank: int | None
    scores: tuple[float, ...]

    @property
    def is_quoted(self) -> bool:
        """True when the best passage is good enough to be quoted."""
        return bool(self.scores) and self.scores[0] >= QUOTE_FROM

    @property
    def is_wrong(self) -> bool:
        """True when the answer is none of the up to three passages that would be quoted."""
        quoted = sum(score >= QUOTE_FROM for score in self.scores[:_SHOWN])
        return self.is_quoted and (self.rank is None or self.rank >= quoted)


def compare() -> list[Bar]:
    """Print the table and return the bars."""
    outcomes = asyncio.run(_ask_all())
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        groups["unanswerable" if outcome.question.section is None else outcome.question.language].append(outcome)
    answerable = [one for one in outcomes if one.question.section is not None]
    rows = [[name, len(group), *_figures(group)] for name, group in sorted(groups.items())]
    rows.append(["all answerable", len(answerable), *_figures(answerable)])
    columns = ["kind", "questions", "recall@1", "recall@5", "MRR", "quoted", "possible", "refused"]
    print_table("Retrieval", columns, rows)
    quoted = [one for one in outcomes if one.is_quoted]
    nothing = groups["unanswerable"]
    return [
        Bar(name="recall@1", value=_recall(answerable, 1)),
        Bar(name="recall@5", value=_recall(answerable, 5), at_least=0.93),
        Bar(name="MRR", value=_mrr(answerable)),
        Bar(name="wrong among the quoted", value=sum(one.is_wrong for one in quoted) / len(quoted), at_most=0.08),
        Bar(name="wrong first passage among the quoted", value=sum(one.rank != 0 for one in quoted) / len(quoted)),
        Bar(name="unanswerable but quoted", value=sum(one.is_quoted for one in nothing) / len(nothing)),
    ]


async def _ask_all() -> list[Outcome]:
    with tempfile.TemporaryDirectory() as folder:
        async with open_library(Path(folder)) as library:
            for name, data in read_documents().items():
                await library.add(name, data)
            return [await _ask(library, question) for question in read_questions()]


async def _ask(library: Library, question: Question) -> Outcome:
    found = await library.knowledge.search(ORG, question.text, top_k=_DEEP)
    rank = next((n for n, one in enumerate(found) if _is_answer(one, question)), None)
    return Outcome(question, rank, tuple(one.score for one in found))


def _is_answer(found: FoundPassage, question: Question) -> bool:
    return (
        question.section is not None
        and found.document_name == question.document
        and found.passage.heading.endswith(f"> {question.section}")
    )


def _figures(group: Sequence[Outcome]) -> list[float]:
    quoted = sum(one.is_quoted for one in group) / len(group)
    refused = sum(not one.scores or one.scores[0] < POSSIBLY_FROM for one in group) / len(group)
    return [_recall(group, 1), _recall(group, 5), _mrr(group), quoted, 1 - quoted - refused, refused]


def _recall(group: Sequence[Outcome], depth: int) -> float:
    return sum(one.rank is not None and one.rank < depth for one in group) / len(group)


def _mrr(group: Sequence[Outcome]) -> float:
    return sum(1 / (one.rank + 1) for one in group if one.rank is not None) / len(group)
