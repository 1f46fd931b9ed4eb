"""What the question of the data plane takes and answers, for the description: imported only when asked for."""
# The names of the fields are the names on the wire.
# ruff: noqa: N815

from typing import Any

from trivium.contracts.openapi import Described, Part, Shape
from trivium.contracts.wizchat import shapes


class QueryImage(Shape):
    """A picture as base64 or a data URL."""

    data: str


class QueryBody(Shape):
    """A question; `conversationId` goes on with an earlier one, `scope` asks in one scope only."""

    message: str
    conversationId: str | None = None
    userId: str | None = None
    metadata: dict[str, Any] | None = None
    scope: str | None = None
    images: list[str | QueryImage] | None = None


class QuerySource(Shape):
    """A passage that an answer comes from; `relevance` is from 0 to 1."""

    documentId: str
    title: str
    chunk: str
    relevance: float


class QueryUsage(Shape):
    """What an answer used; `cost` is in US dollars, absent where a price is not known."""

    inputTokens: int
    outputTokens: int
    cost: float | None = None


class QueryAnswer(Shape):
    """The answer to a question."""

    response: str
    conversationId: str
    sources: list[QuerySource]
    usage: QueryUsage


PART = Part(
    name="wizchat",
    prefixes=("/v1",),
    operations={"POST /chatbots/{chatbotId}/query": Described(answer=QueryAnswer, body=QueryBody)},
    failure=shapes.Error,
    security={"externalKey": {"type": "http", "scheme": "bearer"}},
)
