"""The Wabee Agent Core API: one agent, its conversations, tools, memory and records."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import httpx2

from trivium_client._async.client import AsyncClient
from trivium_client._async.stream import AsyncEventStream
from trivium_client._async.transport import AsyncTransport
from trivium_client._async.wabee_resources import (
    AsyncFiles,
    AsyncMemories,
    AsyncSessions,
    AsyncSubAgents,
    AsyncTools,
)
from trivium_client._call import LOCAL_ADDRESS, Call, Options, first_of, needed, origin_of, path
from trivium_client._json import JsonInput
from trivium_client.models.wabee import (
    CHAIN_READING,
    AgentInfo,
    ChainAccepted,
    ChainEvent,
    ChainResult,
    Health,
    LogPage,
    Metrics,
)

RUN_TIMEOUT_S = 300.0
Messages = str | Sequence[JsonInput]


class AsyncWabee(AsyncClient):
    """Talks to the Wabee API with the key of an agent.

    The key is read from `WABEE_API_KEY` and the address from `WABEE_ENDPOINT`, else `TRIVIUM_URL`, else it is this
    machine's port 8080. `agent` names one of several agents that the key may use.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        agent: str | None = None,
        auth_token: str | None = None,
        timeout: float = 60.0,
        max_retries: int = 2,
        headers: Mapping[str, str] | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        key = needed(first_of(api_key, "WABEE_API_KEY"), "api_key", "WABEE_API_KEY")
        address = first_of(base_url, "WABEE_ENDPOINT", "TRIVIUM_URL") or LOCAL_ADDRESS
        prefix = path("/agents/{}", agent) if agent else ""
        bearer = {"authorization": f"Bearer {auth_token}"} if auth_token else {}
        super().__init__(
            AsyncTransport(
                base_url=endpoint(address) + prefix + "/core/v1",
                headers={"x-wabee-access": key, **bearer},
                options=Options(timeout=timeout, max_retries=max_retries, headers=headers or {}),
                transport=transport,
            )
        )
        self._wire()

    def _wire(self) -> None:
        self.sessions = AsyncSessions(self._transport)
        self.tools = AsyncTools(self._transport)
        self.sub_agents = AsyncSubAgents(self._transport)
        self.memory = AsyncMemories(self._transport)
        self.files = AsyncFiles(self._transport)

    async def chain(
        self,
        messages: Messages,
        *,
        session_id: str | None = None,
        request_id: str | None = None,
        timeout: float = RUN_TIMEOUT_S,
        **options: object,
    ) -> ChainResult:
        """Ask and wait for the answer. `messages` is the question, or the messages as the contract has them.

        Further arguments are fields of the request: images, context_files, data_filter_hints, auto_memory_retain,
        budget. Without `session_id` a new conversation begins.
        """
        call = Call(
            method="POST",
            path="/chain",
            body=request_body(messages, options),
            headers=correlation(session_id, request_id),
            timeout=timeout,
        )
        return await self._transport.fetch(ChainResult, call)

    def chain_streaming(
        self,
        messages: Messages,
        *,
        session_id: str | None = None,
        request_id: str | None = None,
        timeout: float = RUN_TIMEOUT_S,
        **options: object,
    ) -> AsyncEventStream[ChainEvent]:
        """Ask, and return the answer as it comes; see AsyncEventStream. `timeout` is the longest silence."""
        call = Call(
            method="POST",
            path="/chain_streaming",
            body=request_body(messages, options),
            headers=correlation(session_id, request_id),
            timeout=timeout,
        )
        return AsyncEventStream(self._transport, call, CHAIN_READING)

    async def chain_async(
        self,
        messages: Messages,
        *,
        callback_url: str | None = None,
        session_id: str | None = None,
        event_id: str | None = None,
        source: str = "urn:trivium-client",
        **options: object,
    ) -> ChainAccepted:
        """Ask, and have the answer sent to `callback_url`. The same source and event id twice is one run."""
        data = request_body(messages, options)
        data |= {"session_id": session_id} if session_id else {}
        data |= {"callback_url": callback_url} if callback_url else {}
        event = {
            "specversion": "1.0",
            "type": "ai.wabee.agent.chain",
            "source": source,
            "id": event_id or str(uuid.uuid4()),
            "time": datetime.now(UTC).isoformat(),
            "data": data,
        }
        return await self._transport.fetch(ChainAccepted, Call(method="POST", path="/chain_async", body=event))

    async def metadata(self) -> AgentInfo:
        """Return name, description and tools of the agent."""
        return await self._transport.fetch(AgentInfo, Call(method="GET", path="/metadata"))

    async def health(self) -> Health:
        """Return whether the server is well; an unwell one (503) is an answer too."""
        call = Call(method="GET", path="/health", accepts=frozenset({503}))
        return await self._transport.fetch(Health, call)

    async def metrics(self) -> Metrics:
        """Return all runs in numbers."""
        return await self._transport.fetch(Metrics, Call(method="GET", path="/metrics"))

    async def logs(
        self,
        *,
        run_id: str | None = None,
        start_timestamp: int | None = None,
        end_timestamp: int | None = None,
        limit: int | None = None,
        offset: int | None = None,
    ) -> LogPage:
        """Return finished runs, the newest first; times are in milliseconds since 1970."""
        given = {
            "run_id": run_id,
            "start_timestamp": start_timestamp,
            "end_timestamp": end_timestamp,
            "limit": limit,
            "offset": offset,
        }
        return await self._transport.fetch(LogPage, Call(method="GET", path="/logs", params=given))


def endpoint(address: str) -> str:
    """Return the origin of an address that may end in `/core/v1` or `/core`, as the vendor's client takes them."""
    stripped = origin_of(address).removesuffix("/core/v1").rstrip("/")
    return stripped.removesuffix("/core").rstrip("/")


def request_body(messages: Messages, options: Mapping[str, object]) -> dict[str, object]:
    """Return the body of a request; a plain question becomes one message of the user."""
    wanted = [{"role": "user", "content": messages}] if isinstance(messages, str) else [*messages]
    return {"messages": wanted, **{name: value for name, value in options.items() if value is not None}}


def correlation(session_id: str | None, request_id: str | None) -> dict[str, str]:
    """Return the headers by which a conversation and a request are known."""
    given = {"session-id": session_id, "request-id": request_id}
    return {name: value for name, value in given.items() if value}
