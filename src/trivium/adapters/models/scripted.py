"""A model that does what it is told: deterministic, without network, for tests, demos and benchmarks.

The model's name says what to do, with settings in its query part; `ModelRequest.options` may hold the same settings:

- `echo`                                repeats the last user message
- `tokens?count=64&delay_ms=20`         that many short tokens, one each `delay_ms`
- `say?text=Hello`                      that text
- `script` with `options["script"]`, or `script?turns=<JSON>`: a list of turns
  `{"text"?, "tool_calls"?: [{"name", "input", "id"?}], "delay_ms"?, "error"?, "reasoning"?, "finish_reason"?}`

The turn is chosen by how many assistant messages follow the last user message, so a resumed run goes on where it was.
After the last turn the script answers with that turn's text alone, or begins again with `loop=1`. `error` may be a
code, or `{"code", "message", "is_retryable"}`; it is raised after the turn's text. Further settings: `first_ms` (delay
of the first token) and `fail_after` (raise after so many tokens).
"""

import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

import anyio
from anyio.lowlevel import checkpoint

from trivium.adapters.models.tokens import estimate_input_tokens, estimate_tokens
from trivium.core.errors import InvalidRequest, UpstreamFailed
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports.models import (
    ChatMessage,
    Finished,
    ModelChunk,
    ModelRequest,
    ReasoningChunk,
    TextChunk,
    ToolCallChunk,
)

_PIECE = re.compile(r"\S+\s*|\s+")
_TOKENS_MAX = 1_000_000
_BREATH = 64  # without delays the event loop gets its turn after so many tokens
_Settings = Mapping[str, JSON]


@dataclass(frozen=True, kw_only=True)
class _Turn:
    pieces: Sequence[str]
    reasoning: str = ""
    tool_calls: Sequence[JSONObject] = ()
    delay_s: float = 0.0
    first_s: float = 0.0
    error: JSON = None
    fail_after: int | None = None
    finish_reason: str = ""
    step: int = 0


class ScriptedProvider:
    """`scripted/…`: the name and options decide every word, see the module's docstring."""

    name = "scripted"
    has_language_model = True

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelChunk, None]:
        """Yield the turn's text piece by piece, then its tool calls; InvalidRequest for a name it does not know."""
        turn = _turn(request)
        if turn.reasoning and not request.prefix:
            yield ReasoningChunk(turn.reasoning)
        pieces, skipped = _after(turn.pieces, request.prefix)
        for index, piece in enumerate(pieces, skipped):
            await _wait(turn, index)
            if turn.fail_after is not None and index >= turn.fail_after:
                raise _failure(turn.error or "model_stream_cut")
            yield TextChunk(piece)
        if turn.error is not None:
            raise _failure(turn.error)
        for index, call in enumerate(turn.tool_calls):
            call_id = str(call.get("id") or f"call_{turn.step}_{index}")
            yield ToolCallChunk(id=call_id, name=str(call.get("name", "")), input=call.get("input", {}))
        yield Finished(
            input_tokens=estimate_input_tokens(request),
            output_tokens=len(turn.pieces) + sum(estimate_tokens(json.dumps(call)) for call in turn.tool_calls),
            finish_reason=turn.finish_reason or ("tool_calls" if turn.tool_calls else "stop"),
            model="scripted/" + request.model.removeprefix("scripted/").partition("?")[0],
        )


async def _wait(turn: _Turn, index: int) -> None:
    delay_s = turn.delay_s + (turn.first_s if index == 0 else 0.0)
    if delay_s > 0:
        await anyio.sleep(delay_s)
    elif index % _BREATH == _BREATH - 1:
        await checkpoint()


def _after(pieces: Sequence[str], prefix: str) -> tuple[Sequence[str], int]:
    """Return the pieces that follow the prefix and how many were left out; all of them when it is not their start."""
    rest = prefix
    for index, piece in enumerate(pieces):
        if not rest:
            return pieces[index:], index
        if rest.startswith(piece):
            rest = rest[len(piece) :]
        elif piece.startswith(rest):
            return [piece[len(rest) :], *pieces[index + 1 :]], index
        else:
            return pieces, 0
    return ([], len(pieces)) if not rest else (pieces, 0)


def _turn(request: ModelRequest) -> _Turn:
    kind, _, query = request.model.removeprefix("scripted/").partition("?")
    settings: dict[str, JSON] = {**dict(parse_qsl(query, keep_blank_values=True)), **request.options}
    step = _step(request.messages)
    if kind == "script" or (kind in {"", "scripted"} and "script" in settings):
        return _scripted_turn(settings, step)
    if kind == "echo":
        return _plain_turn(_pieces(_last_user_text(request.messages)), settings)
    if kind == "say":
        return _plain_turn(_pieces(str(settings.get("text", ""))), settings)
    if kind == "tokens":
        count = min(int(_number(settings, "count", 64)), _TOKENS_MAX)
        return _plain_turn([f"t{index} " for index in range(count)], settings)
    raise InvalidRequest(
        f"The scripted provider has no model {kind!r}; it has echo, say, script and tokens.", code="model_not_found"
    )


def _plain_turn(pieces: Sequence[str], settings: _Settings) -> _Turn:
    fail_after = settings.get("fail_after")
    return _Turn(
        pieces=pieces,
        delay_s=_number(settings, "delay_ms") / 1000,
        first_s=_number(settings, "first_ms") / 1000,
        error=settings.get("error"),
        fail_after=None if fail_after is None else int(_number(settings, "fail_after")),
    )


def _scripted_turn(settings: _Settings, step: int) -> _Turn:
    turns = _turns(settings)
    is_past_end = step >= len(turns) and not settings.get("loop")
    turn = turns[-1] if is_past_end else turns[step % len(turns)]
    calls = turn.get("tool_calls") or []
    if not isinstance(calls, list) or not all(isinstance(call, dict) for call in calls):
        raise InvalidRequest("A scripted turn's tool_calls is a list of objects.")
    plain = _plain_turn(_pieces(str(turn.get("text") or "")), {**settings, **turn})
    return _Turn(
        pieces=plain.pieces,
        reasoning=str(turn.get("reasoning") or ""),
        tool_calls=() if is_past_end else [call for call in calls if isinstance(call, dict)],
        delay_s=plain.delay_s,
        first_s=plain.first_s,
        error=plain.error,
        fail_after=plain.fail_after,
        finish_reason=str(turn.get("finish_reason") or ""),
        step=step,
    )


def _turns(settings: _Settings) -> list[JSONObject]:
    value = settings.get("script", settings.get("turns"))
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise InvalidRequest(f"The script is not JSON: {error}") from error
    if not isinstance(value, list) or not value:
        raise InvalidRequest("The scripted provider needs a list of turns in options['script'].")
    turns = [turn for turn in value if isinstance(turn, dict)]
    if len(turns) != len(value):
        raise InvalidRequest("Every turn of a script is an object.")
    return turns


def _step(messages: Sequence[ChatMessage]) -> int:
    """Return how many turns the model has taken since the user last spoke."""
    steps = 0
    for message in reversed(messages):
        if message.role == "user":
            break
        steps += message.role == "assistant"
    return steps


def _last_user_text(messages: Sequence[ChatMessage]) -> str:
    return next((message.text for message in reversed(messages) if message.role == "user"), "")


def _pieces(text: str) -> list[str]:
    return _PIECE.findall(text)


def _number(settings: _Settings, name: str, default: float = 0.0) -> float:
    value = settings.get(name, default)
    try:
        return max(0.0, float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise InvalidRequest(f"{name} of a scripted model is a number, not {value!r}.") from error


def _failure(error: JSON) -> UpstreamFailed:
    if isinstance(error, dict):
        return UpstreamFailed(
            str(error.get("message") or "The scripted model failed."),
            code=str(error.get("code") or "model_failed"),
            is_retryable=bool(error.get("is_retryable")),
        )
    return UpstreamFailed("The scripted model failed.", code=str(error))
