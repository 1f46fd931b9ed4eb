"""What the three clients share: their life, their options, and the way to a route they have no method for."""

from collections.abc import Mapping
from typing import Self

from trivium_client._async.transport import AsyncTransport
from trivium_client._call import Call, RawResponse


class AsyncClient:
    """Close it, or use it as a context manager."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    @property
    def base_url(self) -> str:
        return self._transport.base_url

    def with_options(
        self,
        *,
        timeout: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """Return this client with other options, on the same connections. Times are in seconds, per try."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        AsyncClient.__init__(
            other, self._transport.with_options(timeout=timeout, max_retries=max_retries, headers=headers)
        )
        other._wire()
        return other

    def _wire(self) -> None:
        """Make the groups of methods anew on this client's transport."""

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int | bool | None] | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> RawResponse:
        """Call any route of the server and return the answer as it came; raises ApiError for a failure status."""
        return await self._transport.send(
            Call(method=method.upper(), path=path, params=params or {}, body=json, headers=headers or {})
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class AsyncResource:
    """A group of methods of a client."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport
