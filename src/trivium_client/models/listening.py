"""What a listener is told."""

import json

from pydantic import ValidationError

from trivium_client._reading import Reading
from trivium_client.models._generated import wisebot as shapes
from trivium_client.models._generated.wisebot import ListenerOpened, Triggered

__all__ = ["HEARD_READING", "HeardEvent", "ListenerOpened", "Triggered", "heard_event"]


class HeardEvent(shapes.HeardEvent):
    """One event as a webhook would get it: the signature in `headers` is for exactly this `body`."""

    seq: int = 0


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
