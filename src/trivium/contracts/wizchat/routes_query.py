"""The data plane's question, at `/v1`: what an external API key is for."""

from typing import Any

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import http
from trivium.contracts.pictures import decode_base64
from trivium.contracts.routing import Router
from trivium.contracts.wizchat import wire
from trivium.core.errors import InvalidRequest
from trivium.core.model.knowledge import Source
from trivium.core.platform import Answer, Platform, Question

_FIELDS = {"message", "conversationId", "userId", "metadata", "scope", "images"}
_MESSAGE_CHARS_MAX = 100_000
IMAGES_MAX = 5


class QueryRoutes:
    """One call: put a question, wait for the answer."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def router(self) -> Router:
        """Return the route; it stands in the server's document, not in the management API's."""
        router = Router()
        path = "/v1/chatbots/{chatbotId}/query"
        router.add(path, self.query, methods=["POST"], summary="Ask a chatbot", tags=["Questions"])
        return router

    async def query(self, request: Request) -> Response:
        """Put a question to a chatbot."""
        body = await request.json()
        question = _read(body, str(request.path_params["chatbotId"]), request.headers.get("request-id", ""))
        pictures = await anyio.to_thread.run_sync(_pictures, body.get("images"))
        answer = await self._platform.questions.ask(http.bearer_or(request.headers), question, pictures)
        return http.json_response(_show(answer))


def _read(body: Any, agent_id: str, request_id: str) -> Question:
    if not isinstance(body, dict) or set(body) - _FIELDS:
        raise InvalidRequest(f"The body is an object with {', '.join(sorted(_FIELDS))}.")
    message = body.get("message")
    if not isinstance(message, str) or not message.strip() or len(message) > _MESSAGE_CHARS_MAX:
        raise InvalidRequest(f"`message` is a text of 1 to {_MESSAGE_CHARS_MAX} characters.")
    for name in ("conversationId", "userId", "scope"):
        if body.get(name) is not None and not isinstance(body[name], str):
            raise InvalidRequest(f"`{name}` is a text.")
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise InvalidRequest("`metadata` is an object.")
    return Question(
        agent_id=agent_id,
        text=message,
        conversation_id=body.get("conversationId"),
        collection=body.get("scope"),
        asked_by=body.get("userId"),
        metadata=metadata,
        request_id=request_id,
    )


def _pictures(given: Any) -> list[bytes]:
    """Return the bytes of base64 texts or data URLs, bare or as the `data` of an object. Blocking."""
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > IMAGES_MAX:
        raise InvalidRequest(f"`images` is a list of at most {IMAGES_MAX} pictures.")
    pictures = []
    for index, one in enumerate(given):
        text = one.get("data") if isinstance(one, dict) else one
        if not isinstance(text, str):
            raise InvalidRequest(f"`images[{index}]` is base64, a data URL, or an object with it as `data`.")
        try:
            pictures.append(decode_base64(text))
        except InvalidRequest as error:
            raise InvalidRequest(f"`images[{index}]` {error.message}") from error
    return pictures


def _show(answer: Answer) -> dict[str, Any]:
    run = answer.run
    costs = [use.cost_usd for use in run.usage if use.cost_usd is not None]
    return {
        "response": run.output,
        "conversationId": run.conversation_id,
        "sources": [_show_source(source) for source in answer.sources],
        "usage": wire.without_nones(
            {
                "inputTokens": sum(use.input_tokens for use in run.usage),
                "outputTokens": sum(use.output_tokens for use in run.usage),
                "cost": sum(costs) if costs else None,
            }
        ),
    }


def _show_source(source: Source) -> dict[str, Any]:
    return {"documentId": source.document_id, "title": source.name, "chunk": source.quote, "relevance": source.score}
