"""One call of a model server as data, and what understands its answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from trivium.core.model.json import JSON
from trivium.core.ports.models import ModelChunk

if TYPE_CHECKING:
    from aiohttp import BaseConnector

# Called with a model's name when it is asked, so that its price is at hand when its use is reported.
Prepare = Callable[[str], "asyncio.Future[None]"]
ConnectorFactory = Callable[[], "BaseConnector"]


class Answer(Protocol):
    """Understands one answer of a server; a new one is made for every try."""

    def feed(self, piece: bytes) -> list[ModelChunk]:
        """Return the chunks that a piece of the stream completes."""

    @property
    def is_complete(self) -> bool:
        """True once nothing more needs to be read."""

    def end(self) -> list[ModelChunk]:
        """Return the last chunks when the stream has ended; UpstreamFailed when it ended too early."""

    def whole(self, body: bytes) -> list[ModelChunk]:
        """Return the chunks of an answer that came as one JSON document."""


@dataclass(kw_only=True)
class Call:
    """What is sent. `adjust` may change the body after a refusal; it returns whether sending again makes sense."""

    url: str
    headers: dict[str, str]
    body: dict[str, JSON]
    timeout_s: float
    adjust: Callable[["Call", str], bool] = field(default=lambda _call, _reason: False)
    secret: str = ""
