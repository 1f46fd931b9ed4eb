"""The answerer without a language model: it quotes what was found, says where, and refuses the rest.

It uses the agent loop as a model does: the first step calls `search_knowledge` (or, when it clearly fits and can be
filled in honestly, another tool that is safe to repeat), the second answers from the result. The same messages give
the same answer, so a resumed run continues word for word.
"""

import json
import re
from collections.abc import AsyncGenerator, Sequence
from functools import partial

import anyio.to_thread

from trivium.adapters.models.attached import quote_attached
from trivium.adapters.models.phrases import PHRASES, Phrases, guess_language, small_talk
from trivium.adapters.models.quoting import (
    POSSIBLY_FROM,
    QUOTE_FROM,
    FoundText,
    Quote,
    choose_quotes,
    cosines,
    read_passages,
)
from trivium.adapters.models.tokens import estimate_input_tokens, estimate_tokens
from trivium.core.model.agents import ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports.knowledge import Embedder
from trivium.core.ports.models import ChatMessage, Finished, ModelChunk, ModelRequest, TextChunk, ToolCallChunk

SEARCH_TOOL = "search_knowledge"
_QUERY_CHARS_MAX = 2000
_OUTPUT_CHARS_MAX = 2000
_FILES_MAX = 8
_GROUP = re.compile(r"(?:\S+\s*){1,4}|\s+")
_ROUTE_FROM = 0.45
_ROUTE_MARGIN = 0.08
_TOOLS_MAX = 64
_QUESTION_PARAMETERS = frozenset(
    {"query", "question", "q", "search", "search_query", "text", "message", "input", "prompt"}
)


class ExtractiveProvider:
    """`extractive/quote`. Without an embedder sentences are chosen by their words alone, and no tool is routed to."""

    name = "extractive"
    has_language_model = False

    def __init__(self, embedder: Embedder | None = None) -> None:
        self._embedder = embedder

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield a tool call, or the answer in groups of words."""
        question, results = _situation(request.messages)
        attached = "" if results or small_talk(question) else await self._from_attached(request, question)
        tool = None if request.prefix or attached else await self._tool_to_call(request, question, results)
        text, cited = attached, list[JSON]()
        if tool is not None:
            call_id = f"call_{len(results)}_{tool.name}"
            yield ToolCallChunk(id=call_id, name=tool.name, input=_arguments(tool, question) or {})
        else:
            if not attached:
                text, cited = await self._answer(request, question, results)
            for group in _GROUP.findall(text.removeprefix(request.prefix)):
                yield TextChunk(group)
        yield Finished(
            input_tokens=estimate_input_tokens(request),
            output_tokens=estimate_tokens(text),
            finish_reason="stop" if tool is None else "tool_calls",
            model="extractive/quote",
            is_estimate=True,
            metadata={"cited": cited},
        )

    async def _from_attached(self, request: ModelRequest, question: str) -> str:
        """Return what the files that came with the question say, with their names; empty when they do not answer it."""
        quotes = await anyio.to_thread.run_sync(quote_attached, question, request.messages, self._embedder)
        phrases = PHRASES[guess_language(question)]
        said = [
            f"{phrases.according.format(source=_place(q.passage, phrases))} “{q.text}” [{q.passage.name}]"
            for q in quotes
        ]
        return _with_notice("\n".join(said), phrases, request.messages) if said else ""

    async def _tool_to_call(
        self, request: ModelRequest, question: str, results: Sequence[ChatMessage]
    ) -> ToolSpec | None:
        if not question.strip() or small_talk(question):
            return None
        search = next((tool for tool in request.tools if tool.name == SEARCH_TOOL), None)
        if results:
            # A routed tool that found nothing is no answer; the files may still have one.
            has_searched = any(result.tool_name == SEARCH_TOOL for result in results)
            return None if has_searched or _rendered(results[-1]) else search
        return await self._routed(request.tools, question) or search

    async def _routed(self, tools: Sequence[ToolSpec], question: str) -> ToolSpec | None:
        """Return the tool whose description is clearly nearest to the question and that the question can fill."""
        others = [tool for tool in tools if tool.name != SEARCH_TOOL and tool.is_repeatable][:_TOOLS_MAX]
        if self._embedder is None or not any(_arguments(tool, question) is not None for tool in others):
            return None
        texts = [question, *(f"{tool.name.replace('_', ' ')}: {tool.description}"[:500] for tool in others)]
        scores = cosines(await anyio.to_thread.run_sync(self._embedder.embed, texts))
        ranked = sorted(zip(scores, others, strict=True), key=lambda pair: -pair[0])
        best, tool = ranked[0]
        runner_up = ranked[1][0] if len(ranked) > 1 else 0.0
        is_clear = best >= _ROUTE_FROM and best - runner_up >= _ROUTE_MARGIN
        return tool if is_clear and _arguments(tool, question) is not None else None

    async def _answer(
        self, request: ModelRequest, question: str, results: Sequence[ChatMessage]
    ) -> tuple[str, list[JSON]]:
        """Return the text and the numbers of the sources it quotes."""
        phrases = PHRASES[guess_language(question)]
        talk = small_talk(question) or (None if question.strip() else "greeting")
        if talk in {"thanks", "farewell"}:
            return (phrases.thanks if talk == "thanks" else phrases.farewell), []
        if talk is not None:
            return _with_notice(f"{phrases.greeting}{_files(request, phrases)}", phrases, request.messages), []
        searched = [result for result in results if result.tool_name == SEARCH_TOOL]
        cited: list[JSON] = []
        if searched:
            text, cited = await self._from_passages(question, searched, phrases)
        elif results:
            text = _from_tools(results, phrases)
        else:
            text = phrases.no_files
        return _with_notice(text, phrases, request.messages), cited

    async def _from_passages(
        self, question: str, searched: Sequence[ChatMessage], phrases: Phrases
    ) -> tuple[str, list[JSON]]:
        passages: list[FoundText] = []
        for result in searched:
            passages += read_passages(_output(result), len(passages) + 1)
        if not passages and any(_is_failure(result) for result in searched):
            return phrases.failed, []
        best = max((passage.score for passage in passages), default=0.0)
        if best < POSSIBLY_FROM:
            return phrases.refusal, []
        work = partial(choose_quotes, question, passages, self._embedder)
        quotes = await anyio.to_thread.run_sync(work)
        if not quotes:
            return phrases.refusal, []
        is_sure = best >= QUOTE_FROM
        shown = quotes if is_sure else quotes[:1]
        return _compose(shown, phrases, is_sure=is_sure), list(dict.fromkeys(quote.passage.number for quote in shown))


def _situation(messages: Sequence[ChatMessage]) -> tuple[str, list[ChatMessage]]:
    """Return the last thing the user said and the tool results since."""
    results: list[ChatMessage] = []
    for message in reversed(messages):
        if message.role == "user":
            return message.text, results[::-1]
        if message.role == "tool":
            results.append(message)
    return "", results[::-1]


def _arguments(tool: ToolSpec, question: str) -> JSONObject | None:
    """Return input for the tool made of nothing but the question, or None when it needs more."""
    if tool.name == SEARCH_TOOL:
        names = tool.input_schema.get("properties")
        name = next((n for n in ("query", "question") if isinstance(names, dict) and n in names), "query")
        return {name: question[:_QUERY_CHARS_MAX]}
    properties, required = tool.input_schema.get("properties"), tool.input_schema.get("required")
    needed = [str(name) for name in required] if isinstance(required, list) else []
    if not needed and not properties:
        return {}
    known = properties if isinstance(properties, dict) else {}
    name = needed[0] if len(needed) == 1 else ""
    schema = known.get(name)
    takes_text = isinstance(schema, dict) and schema.get("type") == "string" and "enum" not in schema
    return {name: question[:_QUERY_CHARS_MAX]} if name in _QUESTION_PARAMETERS and takes_text else None


def _compose(quotes: Sequence[Quote], phrases: Phrases, *, is_sure: bool) -> str:
    if not is_sure:
        quote = quotes[0]
        return f"{phrases.possibly} “{quote.text}” [{quote.passage.number}] ({_place(quote.passage, phrases)})"
    lines = [
        f"{phrases.according.format(source=_place(quote.passage, phrases))} “{quote.text}” [{quote.passage.number}]"
        for quote in quotes
    ]
    return "\n".join(lines)


def _place(passage: FoundText, phrases: Phrases) -> str:
    name = passage.name or f"[{passage.number}]"
    return name if passage.page is None else f"{name}, {phrases.page.format(page=passage.page)}"


def _from_tools(results: Sequence[ChatMessage], phrases: Phrases) -> str:
    lines = [f"{phrases.tool.format(tool=result.tool_name or '')} {_rendered(result)}" for result in results]
    return "\n\n".join(lines)


def _rendered(result: ChatMessage) -> str:
    output = _output(result)
    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False) if output else ""
    return text.strip()[:_OUTPUT_CHARS_MAX]


def _output(result: ChatMessage) -> JSON:
    if result.data is not None and not isinstance(result.data, str):
        return result.data
    try:
        parsed: JSON = json.loads(result.text)
    except ValueError:
        return result.text
    return parsed


def _is_failure(result: ChatMessage) -> bool:
    output = _output(result)
    return isinstance(output, str) or (isinstance(output, dict) and "error" in output)


def _files(request: ModelRequest, phrases: Phrases) -> str:
    """Return a sentence with the names of the agent's files, where the search tool tells them."""
    search = next((tool for tool in request.tools if tool.name == SEARCH_TOOL), None)
    source = search.source if search is not None else None
    names = source.get("files") if isinstance(source, dict) else None
    if not isinstance(names, list) or not names:
        return ""
    shown = ", ".join(str(name) for name in names[:_FILES_MAX])
    return " " + phrases.files.format(files=shown + (" …" if len(names) > _FILES_MAX else ""))


def _with_notice(text: str, phrases: Phrases, messages: Sequence[ChatMessage]) -> str:
    """Add the notice unless an earlier answer of this conversation has it, in whatever language."""
    said = [message.text for message in messages if message.role == "assistant"]
    if any(known.notice in earlier for known in PHRASES.values() for earlier in said):
        return text
    return f"{text}\n\n{phrases.notice}"
