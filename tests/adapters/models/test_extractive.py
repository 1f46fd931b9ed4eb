"""The answerer without a language model quotes, cites, refuses, and says what it is once."""

from collections.abc import Sequence

import pytest

from trivium.adapters.models import ExtractiveProvider
from trivium.adapters.models.phrases import PHRASES, guess_language, small_talk
from trivium.core.model.agents import ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports.models import ChatMessage, Finished, ModelChunk, ModelRequest, TextChunk, ToolCallChunk

SEARCH = ToolSpec(
    name="search_knowledge",
    description="Search the files.",
    input_schema={"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]},
    is_repeatable=True,
)
NOTICE = PHRASES["en"].notice
REFUNDS: JSONObject = {
    "id": "p1",
    "name": "refunds.pdf",
    "page": 2,
    "score": 0.62,
    "text": "Our shop opened in 1990. You may return any item within 30 days. Gift cards are excluded.",
}


class WordEmbedder:
    """Vectors of which words occur: enough to tell what a sentence is about."""

    id = "words"
    dimensions = 64

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self.dimensions
        for word in text.lower().replace("?", " ").replace(".", " ").split():
            vector[sum(word.encode()) % self.dimensions] += 1.0
        length = sum(value * value for value in vector) ** 0.5 or 1.0
        return [value / length for value in vector]


async def ask(
    question: str, *results: JSON, tools: Sequence[ToolSpec] = (SEARCH,), prefix: str = "", before: str = ""
) -> list[ModelChunk]:
    messages = [ChatMessage(role="assistant", text=before)] if before else []
    messages.append(ChatMessage(role="user", text=question))
    for result in results:
        messages.append(ChatMessage(role="assistant", text=""))
        messages.append(ChatMessage(role="tool", text="", data=result, tool_name="search_knowledge", tool_call_id="c"))
    request = ModelRequest(model="quote", messages=messages, tools=tools, prefix=prefix)
    return [chunk async for chunk in ExtractiveProvider(WordEmbedder()).stream(request)]


def text_of(chunks: list[ModelChunk]) -> str:
    return "".join(chunk.text for chunk in chunks if isinstance(chunk, TextChunk))


async def test_a_question_is_searched_first() -> None:
    call, finished = await ask("How long may I return an item?")
    assert isinstance(call, ToolCallChunk)
    assert (call.name, call.input) == ("search_knowledge", {"query": "How long may I return an item?"})
    assert isinstance(finished, Finished)
    assert finished.finish_reason == "tool_calls"


async def test_the_answer_quotes_the_sentence_and_its_place() -> None:
    chunks = await ask("How long may I return any item within days?", [REFUNDS])
    assert text_of(chunks) == (
        f"According to refunds.pdf, page 2: “You may return any item within 30 days.” [1]\n\n{NOTICE}"
    )
    assert isinstance(chunks[-1], Finished)
    assert chunks[-1].metadata == {"cited": [1]}


async def test_weak_finds_are_called_possibly_relevant() -> None:
    text = text_of(await ask("Return an item?", {"passages": [{**REFUNDS, "score": 0.25}]}))
    assert text.startswith("I found no clear answer in my files. Possibly relevant: “You may return")


@pytest.mark.parametrize("result", [[], [{**REFUNDS, "score": 0.1}], {"passages": []}])
async def test_what_the_files_do_not_hold_is_refused(result: JSON) -> None:
    chunks = await ask("Who won the cup?", result)
    assert text_of(chunks) == f"That is not in my files.\n\n{NOTICE}"
    assert isinstance(chunks[-1], Finished)
    assert chunks[-1].metadata == {"cited": []}


async def test_the_notice_comes_once_in_a_conversation() -> None:
    assert NOTICE not in text_of(await ask("Who won the cup?", [], before=f"No.\n\n{PHRASES['de'].notice}"))


async def test_without_a_search_tool_it_says_so() -> None:
    assert text_of(await ask("Who won?", tools=())).startswith(PHRASES["en"].no_files)


async def test_a_greeting_is_answered_with_the_files_there_are() -> None:
    search = ToolSpec(**{**SEARCH.__dict__, "source": {"files": ["refunds.pdf", "prices.csv"]}})
    text = text_of(await ask("Hello there!", tools=(search,)))
    assert text.startswith("Hello! Ask me something")
    assert "refunds.pdf, prices.csv" in text


async def test_it_answers_in_the_language_of_the_question() -> None:
    text = text_of(await ask("Wie lange kann ich eine Ware zurückgeben?", []))
    assert text.startswith("Das steht nicht in meinen Dateien.")


async def test_a_resumed_answer_continues_to_the_letter() -> None:
    question = "How long may I return any item within days?"
    whole = text_of(await ask(question, [REFUNDS]))
    for cut in (1, 30, len(whole) - 1, len(whole)):
        assert whole[:cut] + text_of(await ask(question, [REFUNDS], prefix=whole[:cut])) == whole


async def test_another_tool_is_called_only_when_it_fits_and_can_be_filled() -> None:
    def tool(required: list[JSON], *, is_repeatable: bool = True) -> ToolSpec:
        schema: JSONObject = {"properties": {"query": {"type": "string"}}, "required": required}
        return ToolSpec(
            name="weather", description="weather today in town", input_schema=schema, is_repeatable=is_repeatable
        )

    async def called(spec: ToolSpec) -> str:
        call = (await ask("weather today in town", tools=(SEARCH, spec)))[0]
        assert isinstance(call, ToolCallChunk)
        return call.name

    assert await called(tool(["query"])) == "weather"
    assert await called(tool(["query", "unit"])) == "search_knowledge"
    assert await called(tool(["query"], is_repeatable=False)) == "search_knowledge"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How long do I have to return an item?", "en"),
        ("Wie lange habe ich Zeit?", "de"),
        ("¿Cuánto tiempo tengo para devolver?", "es"),
        ("Combien de temps ai-je pour le retour ?", "fr"),
        ("Quanto tempo tenho para devolver um item? Não sei.", "pt"),
        ("Quanto tempo ho per la restituzione?", "it"),
        ("", "en"),
        ("12345", "en"),
    ],
)
def test_the_language_is_guessed_from_common_words(text: str, language: str) -> None:
    assert guess_language(text) == language


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hi!", "greeting"),
        ("Guten Tag", "greeting"),
        ("Thank you so much", "thanks"),
        ("Who are you?", "identity"),
        ("Hello, how long can I return an item?", None),
        ("Thanks for the refund policy, what about shoes", None),
        ("help me with refunds", None),
    ],
)
def test_small_talk_is_only_what_asks_for_nothing(text: str, kind: str | None) -> None:
    assert small_talk(text) == kind
