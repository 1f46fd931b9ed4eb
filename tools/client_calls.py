"""Calls every method of the client library over a transport in memory, and tells which request it makes."""

import ast
import asyncio
import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from trivium_client import (
    AsyncWabee,
    AsyncWisebot,
    AsyncWizChat,
    TriviumError,
    Wabee,
    Wisebot,
    WizChat,
    trigger_workflow,
    trigger_workflow_async,
)

PAIRS = ((Wabee, AsyncWabee), (Wisebot, AsyncWisebot), (WizChat, AsyncWizChat))
OWN = ("trivium_client._async", "trivium_client._generated")
PLUMBING = frozenset({"close", "request", "with_options"})
PROOFS = "tests/client/test_real_*.py"
# What the server answers and the clients have no method for, with the reason.
WITHOUT_METHOD = {
    ("POST", "/core/v1/chain_streamming"): "the other spelling of `chain_streaming`",
    ("POST", "/core/v1/tools/execute"): "another path of `tools.execute`",
    ("POST", "/api/v1/chat/agent"): "another path of `chat.stream`",
    ("POST", "/api/v1/webhooks/deliveries/{}/resend"): "another path of `admin.deliveries.resend`",
    ("POST", "/api/v1/chatbots/{}/videos/url"): "another path of `videos.add_url`",
    ("POST", "/oauth/token"): "the form of `fetch_token` that OAuth libraries speak",
    ("GET", "/metrics"): "for Prometheus, which has a token of its own",
    ("GET", "/device"): "a page, for a person's browser",
    ("POST", "/device"): "the form of that page",
    ("POST", "/device/answer"): "the form of that page",
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

    @property
    def shown(self) -> str:
        """Return the path with `{id}` in the place of each id."""
        return re.sub(r"/(x|1)(?=/|$)", "/{id}", self.path)


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
    found = {plain.__name__: list(_pairs(plain, other)) for plain, other in PAIRS}
    found[Wisebot.__name__].append(_trigger())
    return found


def proofs(root: Path) -> dict[tuple[str, str], list[str]]:
    """Return which tests call a method against a real server: (client, method) → names of tests.

    Read from the tests' source: their clients are called wabee, wisebot and wizchat, or begin so, and come in both
    colours by a fixture.
    """
    found: dict[tuple[str, str], list[str]] = {}
    clients = {plain.__name__.lower(): plain.__name__ for plain, _ in PAIRS}
    for path in sorted(root.glob(PROOFS)):
        for test in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef) and test.name.startswith("test_"):
                for chain in sorted({_chain(node) for node in ast.walk(test) if isinstance(node, ast.Call)}):
                    first, _, method = chain.partition(".")
                    client = "Wisebot" if first == trigger_workflow.__name__ else clients.get(first.split("_")[0])
                    if client is not None:
                        found.setdefault((client, method or first), []).append(f"{path.name}::{test.name}")
    return found


def _chain(call: ast.Call) -> str:
    """Return `a.b.c` for the call `a.b.c()`; what follows `with_options()` counts as the client's own."""
    names: list[str] = []
    node: ast.expr = call.func
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "with_options":
            node = node.func.value
    return ".".join([node.id, *reversed(names)]) if isinstance(node, ast.Name) else ""


def _pairs(plain: type, other: type) -> Iterator[tuple[Called, Called]]:
    seen: list[httpx2.Request] = []
    transport = _refusing(seen)
    one, two = plain("token", transport=transport), other("token", transport=transport)
    twins = dict(methods(two))
    for name, method in methods(one):
        if name in PLUMBING:
            continue
        _drain(lambda method=method: method(*_arguments(method), **_keywords(method)))  # type: ignore[misc]  # called now
        first = seen[-1]
        asyncio.run(_drain_async(twins[name](*_arguments(method), **_keywords(method))))
        yield _called(name, method, first), _called(name, twins[name], seen[-1])
    one.close()
    asyncio.run(two.close())


def _trigger() -> tuple[Called, Called]:
    seen: list[httpx2.Request] = []
    transport = _refusing(seen)
    _drain(lambda: trigger_workflow("http://x", "secret", "x", transport=transport))
    asyncio.run(_drain_async(trigger_workflow_async("http://x", "secret", "x", transport=transport)))
    name = trigger_workflow.__name__
    return _called(name, trigger_workflow, seen[0]), _called(name, trigger_workflow_async, seen[1])


def _refusing(seen: list[httpx2.Request]) -> httpx2.MockTransport:
    """Return a transport that notes each request and answers 404, which no method tries again."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(404, json={})

    return httpx2.MockTransport(handler)


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


def _drain(call: Callable[[], object]) -> None:
    try:
        result = call()
        if hasattr(result, "__next__"):
            list(result)  # type: ignore[call-overload]
    except TriviumError:
        pass


async def _drain_async(result: object) -> None:
    try:
        if inspect.isawaitable(result):
            await result
        else:
            async for _ in result:  # type: ignore[attr-defined]
                pass
    except TriviumError:
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
