# Written by `make generate` from ../_async/wisebot_listening.py; edits here are lost.
"""Events for a program that is connected instead of an address."""

from collections.abc import Sequence

from trivium_client._generated.client import Resource
from trivium_client._generated.stream import EventStream
from trivium_client._call import Call, path
from trivium_client._json import JsonInput
from trivium_client.models.listening import HEARD_READING, HeardEvent, ListenerOpened, Triggered


class Listeners(Resource):
    """Subscriptions without an address: read their events yourself, signed as a webhook would get them."""

    def open(self, events: Sequence[str] = ("*",)) -> ListenerOpened:
        """Begin to listen; the `secret` that signs its events is shown this once.

        What happens from now on waits until you read it: up to a thousand events, and two minutes long.
        """
        call = Call(method="POST", path="/api/v1/webhooks/listeners", body={"events": [*events]})
        return self._transport.fetch(ListenerOpened, call)

    def events(self, listener_id: str, *, after: int = 0) -> EventStream[HeardEvent]:
        """Read what happens, as long as you wish; a connection that breaks is opened again where it stopped.

        `after` goes on after the event with this `seq`.
        """
        headers = {"last-event-id": str(after)} if after else {}
        call = Call(method="GET", path=path("/api/v1/webhooks/listeners/{}/events", listener_id), headers=headers)
        return EventStream(self._transport, call, HEARD_READING)

    def close(self, listener_id: str) -> None:
        """Stop listening."""
        self._transport.send(Call(method="DELETE", path=path("/api/v1/webhooks/listeners/{}", listener_id)))

    def trigger(self, event: str, data: JsonInput | None = None, *, to_webhooks: bool = False) -> Triggered:
        """Send a sample of an event, or your data under its name, to all listeners, and if wanted to the webhooks."""
        body: dict[str, object] = {"event": event, "toWebhooks": to_webhooks}
        if data is not None:
            body["data"] = {**data}
        return self._transport.fetch(Triggered, Call(method="POST", path="/api/v1/webhooks/trigger", body=body))
