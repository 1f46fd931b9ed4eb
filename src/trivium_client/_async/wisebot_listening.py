"""Events for a program that is connected instead of an address."""

from collections.abc import Sequence

from trivium_client._async.client import AsyncResource
from trivium_client._async.stream import AsyncEventStream
from trivium_client._call import Call, path
from trivium_client._json import JsonInput
from trivium_client.models.listening import HEARD_READING, HeardEvent, ListenerOpened, Triggered


class AsyncListeners(AsyncResource):
    """Subscriptions without an address: read their events yourself, signed as a webhook would get them."""

    async def open(self, events: Sequence[str] = ("*",)) -> ListenerOpened:
        """Begin to listen; the `secret` that signs its events is shown this once.

        What happens from now on waits until you read it: up to a thousand events, and two minutes long.
        """
        call = Call(method="POST", path="/api/v1/webhooks/listeners", body={"events": [*events]})
        return await self._transport.fetch(ListenerOpened, call)

    def events(self, listener_id: str, *, after: int = 0) -> AsyncEventStream[HeardEvent]:
        """Read what happens, as long as you wish; a connection that breaks is opened again where it stopped.

        `after` goes on after the event with this `seq`.
        """
        headers = {"last-event-id": str(after)} if after else {}
        call = Call(method="GET", path=path("/api/v1/webhooks/listeners/{}/events", listener_id), headers=headers)
        return AsyncEventStream(self._transport, call, HEARD_READING)

    async def close(self, listener_id: str) -> None:
        """Stop listening."""
        await self._transport.send(Call(method="DELETE", path=path("/api/v1/webhooks/listeners/{}", listener_id)))

    async def trigger(self, event: str, data: JsonInput | None = None, *, to_webhooks: bool = False) -> Triggered:
        """Send a sample of an event, or your data under its name, to all listeners, and if wanted to the webhooks."""
        body: dict[str, object] = {"event": event, "toWebhooks": to_webhooks}
        if data is not None:
            body["data"] = {**data}
        return await self._transport.fetch(Triggered, Call(method="POST", path="/api/v1/webhooks/trigger", body=body))
