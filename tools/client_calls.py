"""Calls every method of the client library over a transport in memory, and tells which request it makes."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx2

from trivium_client import AsyncWabee, AsyncWisebot, AsyncWizChat, Wabee, Wisebot, WizChat

PAIRS = ((Wabee, AsyncWabee), (Wisebot, AsyncWisebot), (WizChat, AsyncWizChat))
OWN = ("trivium_client._async", "trivium_client._generated")
PLUMBING = frozenset({"close", "request", "with_options"})
LISTS = ("/memory/list", "/memory/search", "/sessions/streams/active")
PLAN: dict[str, object] = {"ops": [], "summary": {}}
ITEM = {
    **dict.fromkeys(("id", "name", "status", "session_id", "sub_agent_id", "tool_name", "content", "path"), "x"),
    **dict.fromkeys(("url", "secret", "key", "clientId", "access_token", "token", "type", "request_id"), "x"),
    **dict.fromkeys(("contactSessionId", "conversationId", "threadId", "fileId", "matchedBy", "runId"), "x"),
    **dict.fromkeys(("device_code", "user_code", "verification_uri", "verification_uri_complete"), "x"),
    **dict.fromkeys(("kind", "program", "device"), "x"),
    "expires_in": 1,
    "role": "x",
    "sequence": 1,
    "resetsAt": "2026-01-01T00:00:00Z",
}
LISTED = (
    "chatbots mcpServers skills documents videos clients domains agents files keys webhooks deliveries "
    "sessions flows runs sub_agents"
).split()
WHOLE = {
    **ITEM,
    **{name: [ITEM] for name in LISTED},
    **dict.fromkeys(("chatbot", "mcpServer", "skill", "document", "video", "scope", "session"), ITEM),
    "tools": [],
    "scopes": [],
    "sub_agent_info": ITEM,
    "execution_summary": {},
    "body": {"output": "x"},
    "ok": True,
    "plan": PLAN,
    "dryRun": False,
    "apiVersion": "v1",
    "kind": "ChatbotConfig",
    "organization": {"id": "x", "name": "x"},
    "spec": {},
    "has_more": False,
    "events": [],
    "revision": {"number": 1},
    "revisions": [{"number": 1}],
    "secrets": [{"place": "x"}],
    "forms": [ITEM],
    "messages": [ITEM],
    "versions": [ITEM],
}


@dataclass(frozen=True, kw_only=True)
class Called:
    """A method and the request it made."""

    name: str
    method: str
    path: str
    query: str
    body: bytes
    says: str


def methods(thing: object, prefix: str = "") -> Iterator[tuple[str, Callable[..., object]]]:
    """Yield every public method below a client, by its dotted name."""
    for name in dir(thing):
        if name.startswith("_"):
            continue
        value = getattr(thing, name)
        if inspect.ismethod(value):
            yield prefix + name, value
        elif type(value).__module__.startswith(OWN):
            yield from methods(value, f"{prefix}{name}.")


def operations() -> dict[str, list[tuple[Called, Called]]]:
    """Return per client what each of its methods asks for, in both colours."""
    return {plain.__name__: list(_pairs(plain, other)) for plain, other in PAIRS}


def _pairs(plain: type, other: type) -> Iterator[tuple[Called, Called]]:
    seen: list[httpx2.Request] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        path = request.url.path
        if "/listeners/" in path and request.method == "GET":
            end = 'data: {"type": "closed"}\n\n'
            return httpx2.Response(200, text=end, headers={"content-type": "text/event-stream"})
        if path.endswith(("/chat/agent", "/chain_streaming")):
            end = 'data: {"type": "finish", "fullText": "x", "finish_reason": "stop"}\n\n'
            return httpx2.Response(200, text=end, headers={"content-type": "text/event-stream"})
        return httpx2.Response(200, json=_answer(path))

    transport = httpx2.MockTransport(handler)
    one, two = plain("token", transport=transport), other("token", transport=transport)
    twins = dict(methods(two))
    for name, method in methods(one):
        if name in PLUMBING:
            continue
        _drain(method(*_arguments(method), **_keywords(method)))
        first = seen[-1]
        asyncio.run(_drain_async(twins[name](*_arguments(method), **_keywords(method))))
        yield _called(name, method, first), _called(name, twins[name], seen[-1])
    one.close()
    asyncio.run(two.close())


def _answer(path: str) -> object:
    if path.endswith(LISTS):
        return [ITEM]
    if path.endswith("/core/v1/tools"):
        return {"tools": [ITEM]}
    if path.endswith("/events"):
        return {"events": [ITEM]}
    if path.endswith("/v1/usage"):
        return ITEM
    if path.endswith("/config"):
        return {"apiVersion": "v1", "kind": "ChatbotConfig", "spec": {}}
    if path.endswith("/flows/apply"):
        return {"dryRun": True, "plan": PLAN}
    if path.endswith("/webhooks/trigger"):
        return {"id": "x", "listeners": 1, "webhooks": 0}
    return {"access_token": "x"} if path.endswith(("/oauth/token", "/device/token")) else WHOLE


def _arguments(method: Callable[..., object]) -> list[object]:
    """Return an argument for every parameter that needs one; raises KeyError for a kind that has no sample."""
    wanted = [
        parameter
        for parameter in inspect.signature(method).parameters.values()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    return [_sample(parameter) for parameter in wanted]


def _sample(parameter: inspect.Parameter) -> object:
    kind = str(parameter.annotation)
    if "BinaryIO" in kind:
        return b"x"
    if "Sequence" in kind or "list[" in kind:
        return ["x"] if "Mapping" not in kind else "x"
    if "Mapping" in kind or "JsonInput" in kind:
        return {"spec": {}} if parameter.name == "document" else {"a": "b"}
    return {"<class 'str'>": "x", "<class 'int'>": 1}.get(kind, "skills")


def _keywords(method: Callable[..., object]) -> dict[str, object]:
    wanted = inspect.signature(method).parameters.values()
    needed = (p for p in wanted if p.default is p.empty and p.kind is p.KEYWORD_ONLY)
    return {p.name: "x" if p.annotation is str else True for p in needed}


def _drain(result: object) -> None:
    if hasattr(result, "__next__"):
        list(result)  # type: ignore[call-overload]


async def _drain_async(result: object) -> None:
    if inspect.isawaitable(result):
        await result
    else:
        async for _ in result:  # type: ignore[attr-defined]
            pass


def _called(name: str, method: Callable[..., object], request: httpx2.Request) -> Called:
    says = (inspect.getdoc(method) or "").splitlines()[0]
    is_upload = request.headers.get("content-type", "").startswith("multipart/")
    return Called(
        name=name,
        method=request.method,
        path=request.url.path,
        query=request.url.query.decode(),
        body=b"(a file)" if is_upload else request.content,
        says=says,
    )
