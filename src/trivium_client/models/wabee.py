"""The shapes of the Wabee contract: generated from its description, with what makes them handy."""

import json
from typing import Literal

from pydantic import model_validator

from trivium_client._model import TracedAnswer
from trivium_client._reading import Reading
from trivium_client.models._generated import wabee as shapes
from trivium_client.models._generated.wabee import *
from trivium_client.models._generated.wabee import LogEntry

TEXT_STEPS = frozenset({"TYPING_TEXT", "FINAL_ANSWER"})
AdditionStrategy = Literal["naive", "delete", "update"]


_LEFT_OUT = {"id": "", "token": "", "agent_step": "", "finish_reason": "null", "usage": [], "timestamp": 0}


class ChainEvent(shapes.ChainEvent):
    """One event of a streamed run. What another server leaves out has a value that says nothing."""

    content: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _filled(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {**_LEFT_OUT, **{name: one for name, one in value.items() if one is not None}}

    @property
    def is_final(self) -> bool:
        """Return whether the stream ends here."""
        return self.finish_reason not in {"", "null"}

    @property
    def error(self) -> str | None:
        """Return what went wrong, when the run failed here."""
        return (self.token or self.content or "the run failed") if self.finish_reason == "error" else None

    @property
    def text(self) -> str:
        """Return the piece of the answer in this event; empty for every other step."""
        if self.agent_step not in TEXT_STEPS or self.error is not None:
            return ""
        return self.token or self.content or ""


class Health(shapes.Health):
    """Whether the server is well. Without a credential there is only the status."""

    @property
    def is_healthy(self) -> bool:
        return self.status in {"healthy", "ok"}


class Forgotten(TracedAnswer):
    """What was deleted from the memory: the ids, or how many when everything was."""

    deleted: list[str] | int


class LogPage(shapes.LogPage):
    """A page of the log. On the wire `data` is a string that holds JSON; `entries` is what is in it."""

    @property
    def entries(self) -> list[LogEntry]:
        return [LogEntry.model_validate(entry) for entry in json.loads(self.data)]


def _event(data: str) -> ChainEvent | None:
    try:
        return ChainEvent.model_validate_json(data)
    except ValueError:
        return None  # the contract: what cannot be read is skipped without an error


CHAIN_READING = Reading[ChainEvent](
    parse=_event,
    is_end=lambda _, event: event is not None and event.is_final,
    text=lambda event: event.text,
    failure=lambda event: event.error,
)
