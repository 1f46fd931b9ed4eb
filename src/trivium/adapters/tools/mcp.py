"""Tool servers over the Model Context Protocol; every byte goes through the guarded way out."""

import base64
import json
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import anyio

from trivium.core.errors import CoreError, InvalidRequest, UpstreamFailed
from trivium.core.model.json import JSONObject
from trivium.core.ports import Outbound
from trivium.core.ports.mcp import McpTarget
from trivium.core.ports.tools import ToolResult

if TYPE_CHECKING:
    from mcp.client import Client

_TOOLS_MAX = 500
_PROMPTS_MAX = 100
_PAGES_MAX = 20
_PICTURES_MAX = 4
_SIZE_MAX = 4_000_000


class HttpMcpClients:
    """See `core.ports.mcp.McpClients`. The library is loaded with the first exchange."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def list_tools(self, target: McpTarget) -> Sequence[JSONObject]:
        """Return the tools a server offers."""
        found: list[JSONObject] = []
        async with self._connected(target) as client:
            cursor = None
            for _ in range(_PAGES_MAX):
                page = await client.list_tools(cursor=cursor)
                found += [_tool(tool) for tool in page.tools]
                cursor = page.next_cursor
                if not cursor or len(found) >= _TOOLS_MAX:
                    break
        return found[:_TOOLS_MAX]

    async def list_prompts(self, target: McpTarget) -> Sequence[JSONObject]:
        """Return the prompts that need no arguments, with their text."""
        found: list[JSONObject] = []
        async with self._connected(target) as client:
            page = await client.list_prompts()
            for prompt in page.prompts[:_PROMPTS_MAX]:
                if any(argument.required for argument in prompt.arguments or []):
                    continue
                answer = await client.get_prompt(prompt.name)
                texts = [getattr(message.content, "text", "") for message in answer.messages]
                text = "\n\n".join(text for text in texts if text)
                found.append({"name": prompt.name, "description": prompt.description or "", "text": text})
        return found

    async def call(self, target: McpTarget, name: str, arguments: JSONObject) -> ToolResult:
        """Call a tool and return what it answered."""
        async with self._connected(target) as client:
            answer = await client.call_tool(name, arguments)
        texts = [text for block in answer.content if (text := getattr(block, "text", None))]
        structured = answer.structured_content
        output = structured if structured is not None and not texts else "\n".join(texts)
        return ToolResult(output=output, is_error=bool(answer.is_error), images=_pictures(answer.content))

    @asynccontextmanager
    async def _connected(self, target: McpTarget) -> AsyncGenerator["Client", None]:
        try:
            await anyio.to_thread.run_sync(_load)
        except ImportError as error:
            raise InvalidRequest(
                "Tool servers need the extra `mcp`: install trivium[mcp].", code="not_implemented"
            ) from error
        import httpx2
        from mcp.client import Client
        from mcp.client.streamable_http import streamable_http_client

        transport = _guarded_transport(self._outbound, target.timeout_s)
        try:
            with anyio.fail_after(target.timeout_s):
                async with (
                    httpx2.AsyncClient(transport=transport, headers=dict(target.headers)) as http_client,
                    Client(streamable_http_client(target.url, http_client=http_client)) as client,
                ):
                    yield client
        except TimeoutError as error:
            raise UpstreamFailed(
                "The tool server did not answer in time.", is_retryable=True, is_timeout=True
            ) from error
        except CoreError:
            raise
        except Exception as error:
            raise _told(error) from error


def _load() -> None:
    import httpx2  # noqa: F401 - loaded here, in a thread, because it takes a while
    import mcp.client.streamable_http  # noqa: F401


def _guarded_transport(outbound: Outbound, timeout_s: float) -> Any:
    """Return a transport for the library's HTTP client that asks our port: addresses are checked when connecting.

    Answers are taken whole. The standing stream on which a server may speak first is refused; nobody listens to it.
    """
    import httpx2

    class Guarded(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.method == "GET":
                return httpx2.Response(405, request=request)
            body = await request.aread()
            skipped = ("host", "content-length", "connection", "accept-encoding")
            headers = {name: value for name, value in request.headers.items() if name.lower() not in skipped}
            answer = await outbound.request(
                request.method,
                str(request.url),
                headers=headers,
                body=body or None,
                timeout_s=timeout_s,
                size_max=_SIZE_MAX,
            )
            if answer.is_cut:
                raise UpstreamFailed(f"The tool server answered with more than {_SIZE_MAX} bytes.")
            skipped = ("content-encoding", "content-length", "transfer-encoding", "connection")
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in skipped}
            return httpx2.Response(answer.status, headers=kept, content=answer.body, request=request)

    return Guarded()


def _pictures(content: Sequence[Any]) -> tuple[tuple[str, bytes], ...]:
    pictures: list[tuple[str, bytes]] = []
    for block in [block for block in content if getattr(block, "type", "") == "image"][:_PICTURES_MAX]:
        with suppress(ValueError):  # not base64
            pictures.append((block.mime_type, base64.b64decode(block.data)))
    return tuple(pictures)


def _tool(tool: Any) -> JSONObject:
    hints = tool.annotations
    is_repeatable = bool(hints is not None and (hints.read_only_hint or hints.idempotent_hint))
    schema = json.loads(json.dumps(tool.input_schema or {"type": "object"}))
    return {
        "name": tool.name,
        "description": tool.description or tool.title or "",
        "input_schema": schema,
        "is_repeatable": is_repeatable,
    }


def _told(error: BaseException) -> CoreError:
    """Return the first error of ours inside, else a failure that says what the library said."""
    if isinstance(error, BaseExceptionGroup):
        found = [_told(inner) for inner in error.exceptions]
        return next((one for one in found if one.code != "tool_server_failed"), found[0])
    if isinstance(error, CoreError):
        return error
    if isinstance(error, TimeoutError):
        return UpstreamFailed("The tool server did not answer in time.", is_retryable=True, is_timeout=True)
    return UpstreamFailed(
        f"The tool server failed: {str(error)[:300] or type(error).__name__}", code="tool_server_failed"
    )
