"""What a listener is told."""

import json
from datetime import datetime

from pydantic import ValidationError

from trivium_client._model import CamelAnswer, CamelModel
from trivium_client._reading import Reading


class ListenerOpened(CamelAnswer):
    """A new listener; `secret` is shown this once."""

    id: str
    events: list[str] = []
    secret: str
    created_at: datetime | None = None


class HeardEvent(CamelModel):
    """One event as a webhook would get it: the signature in `headers` is for exactly this `body`."""

    seq: int = 0
    id: str
    type: str
    headers: dict[str, str] = {}
    body: str = ""


class Triggered(CamelAnswer):
    """To how many a sample went."""

    id: str
    listeners: int = 0
    webhooks: int = 0


def heard_event(data: str) -> HeardEvent | None:
    """Return the event in one `data:` line; None for those that only tell of the stream itself."""
    try:
        return HeardEvent.model_validate_json(data)
    except ValidationError:
        return None


def _is_end(data: str, event: HeardEvent | None) -> bool:
    try:
        return event is None and json.loads(data).get("type") == "closed"
    except (ValueError, AttributeError):
        return False


HEARD_READING = Reading[HeardEvent](
    parse=heard_event, is_end=_is_end, text=lambda _event: "", failure=lambda _event: None
)
