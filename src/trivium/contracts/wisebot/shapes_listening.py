"""Listeners and what they are told, for the description: imported only when somebody asks for it."""

from typing import Annotated, Literal

from pydantic import Field

from trivium.contracts.wisebot.shapes import Answer, Time

_Kind = Literal[
    "conversation.created",
    "conversation.status",
    "message.created",
    "run.finished",
    "workflow.run.finished",
    "document.ready",
    "document.failed",
    "listening.missed",
]


class ListenerOpened(Answer):
    """A new listener; `secret` is shown this once."""

    id: str
    events: list[str]
    secret: str
    created_at: Time


class HeardEvent(Answer):
    """One event as a webhook would get it: the signature in `headers` is for exactly this `body`."""

    seq: int
    id: str
    type: _Kind
    headers: dict[str, str]
    body: str


class ListeningBegun(Answer):
    """The stream begins; nothing has happened yet."""

    type: Literal["listening"]


class ListeningClosed(Answer):
    """The listener was ended, and so is the stream."""

    type: Literal["closed"]


ListenerStream = Annotated[HeardEvent | ListeningBegun | ListeningClosed, Field(discriminator="type")]


class Triggered(Answer):
    """To how many a sample went."""

    id: str
    listeners: int
    webhooks: int
