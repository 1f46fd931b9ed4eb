"""Custom tools: an HTTP call described in the agent's configuration."""

import base64
import json
import logging
import re
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import msgspec

from trivium.core.errors import InvalidRequest, LimitExceeded, NotFound
from trivium.core.model.agents import Agent, ToolConfig, ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.protection import tools_owner
from trivium.core.ports import Clock, Outbound, OutboundResponse, Seal, Store, ToolContext, ToolResult

TYPES = frozenset({"http", "custom", "webhook"})
_TIMEOUT_S_MAX = 120.0
_RESPONSE_BYTES_MAX = 1_000_000
_ERROR_CHARS_MAX = 500
_RATES_MAX = 10_000
_WINDOW_S = 60.0
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
# These would take the call somewhere else or change where it begins and ends.
_HEADERS_REFUSED = frozenset({"connection", "content-length", "host", "transfer-encoding", "upgrade"})
_AUTH_TYPES = ("bearer", "basic", "header", "query")
_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE"})
_log = logging.getLogger(__name__)


class Auth(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the call proves who makes it. `secret` is the name of a stored secret of the agent."""

    type: str = "bearer"
    secret: str
    name: str = "authorization"
    username: str = ""


class HttpTool(msgspec.Struct, kw_only=True):
    """The `config` of a tool of type "http"; `{{parameter}}` is filled in wherever it stands, except in the host."""

    name: str
    url: str
    description: str = ""
    method: str = "GET"
    parameters: dict[str, Any] = {}
    input_schema: dict[str, Any] | None = None
    headers: dict[str, str] = {}
    body: Any = None
    auth: Auth | None = None
    timeout_s: float = 20.0
    rate_limit_per_min: int | None = None
    failure_text: str = ""
    is_repeatable: bool | None = None


@dataclass(kw_only=True)
class _Request:
    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


class HttpTools:
    """See `core.ports.ToolHost`. Calls go through the guarded client; redirects are not followed."""

    def __init__(self, *, store: Store, clock: Clock, outbound: Outbound, seal: Seal) -> None:
        self._store = store
        self._clock = clock
        self._outbound = outbound
        self._seal = seal
        self._calls: OrderedDict[str, deque[float]] = OrderedDict()

    def lack(self, tool: ToolConfig) -> str | None:
        """Nothing is ever missing; InvalidRequest for a configuration that cannot be used."""
        if tool.type in TYPES:
            read_config(tool.config)
        return None

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the agent's custom tools; one whose configuration cannot be used is left out and logged."""
        specs = []
        for config in agent.tools:
            if config.type in TYPES:
                try:
                    specs.append(_spec(read_config(config.config), config))
                except InvalidRequest as error:
                    _log.warning("A tool of agent %s cannot be used: %s", agent.id, error.message)
        return specs

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Make the call; an answer other than 2xx is an error that shows the tool's failure text, or the answer."""
        tool = _find(context.agent, name)
        self._spend(tool, context)
        request = _build(tool, tool_input)
        if tool.auth is not None:
            _authorize(request, tool.auth, await self._secret(tool.auth.secret, context))
        # Stable across repetitions, so that the other side can tell a repeated call from a second one.
        request.headers.setdefault("idempotency-key", context.call_id)
        response = await self._outbound.request(
            request.method,
            request.url,
            headers=request.headers,
            body=request.body,
            timeout_s=min(tool.timeout_s, _TIMEOUT_S_MAX),
            size_max=_RESPONSE_BYTES_MAX,
        )
        return _result(tool, response)

    def _spend(self, tool: HttpTool, context: ToolContext) -> None:
        if tool.rate_limit_per_min is None:
            return
        key, now = f"{context.agent.id}/{tool.name}", self._clock.now().timestamp()
        calls = self._calls.setdefault(key, deque())
        self._calls.move_to_end(key)
        if len(self._calls) > _RATES_MAX:
            self._calls.popitem(last=False)
        while calls and calls[0] <= now - _WINDOW_S:
            calls.popleft()
        if len(calls) >= tool.rate_limit_per_min:
            raise LimitExceeded(
                f"The tool may be called {tool.rate_limit_per_min} times a minute. Try again later.",
                code="rate_limited",
                retry_after_s=calls[0] + _WINDOW_S - now if calls else _WINDOW_S,
            )
        calls.append(now)

    async def _secret(self, name: str, context: ToolContext) -> str:
        secret = await self._store.read(
            lambda tx: tx.agent_secrets.first(
                context.organization_id, agent_id=context.agent.id, owner_id=tools_owner(context.agent.id), name=name
            )
        )
        if secret is None:
            raise InvalidRequest(f"The agent has no secret called {name!r}.", code="secret_missing")
        return self._seal.open(secret.sealed, secret_context(secret.id))


def secret_context(secret_id: str) -> str:
    """Return what an agent's secret is sealed with (the `context` of the Seal port)."""
    return f"agent_secrets/{secret_id}"


def read_config(config: JSONObject) -> HttpTool:
    """Return the described tool; InvalidRequest names the first thing that cannot be used."""
    try:
        tool = msgspec.convert(config, HttpTool)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The tool's configuration cannot be used: {error}.", code="invalid_tool") from error
    if not _is_address(_PLACEHOLDER.sub("x", tool.url)):
        raise InvalidRequest("The tool's url is no http(s) address.", code="invalid_tool")
    if _PLACEHOLDER.search(tool.url.split("://", 1)[1].split("/", 1)[0].split("?", 1)[0]):
        # Whoever fills in the parameter would choose who gets the secret.
        raise InvalidRequest("A parameter cannot stand in the host of the tool's url.", code="invalid_tool")
    if tool.method.upper() not in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        raise InvalidRequest(f"The tool's method is {tool.method!r}.", code="invalid_tool")
    if tool.auth is not None and tool.auth.type not in _AUTH_TYPES:
        raise InvalidRequest(f"The tool's auth is one of {', '.join(_AUTH_TYPES)}.", code="invalid_tool")
    more = [tool.auth.name] if tool.auth is not None and tool.auth.type == "header" else []
    for header in (*tool.headers, *more):
        if not _HEADER_NAME.fullmatch(header) or header.lower() in _HEADERS_REFUSED:
            raise InvalidRequest(f"The header {header!r} cannot be set.", code="invalid_tool")
    return tool


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc


def _find(agent: Agent, name: str) -> HttpTool:
    for config in agent.tools:
        if config.type in TYPES and config.config.get("name") == name:
            return read_config(config.config)
    raise NotFound("tool", name)


def _spec(tool: HttpTool, config: ToolConfig) -> ToolSpec:
    is_safe = tool.method.upper() in ("GET", "HEAD", "PUT", "DELETE")  # RFC 9110, 9.2.2
    return ToolSpec(
        name=tool.name,
        description=tool.description,
        input_schema=_schema(tool),
        is_repeatable=is_safe if tool.is_repeatable is None else tool.is_repeatable,
        requires_approval=config.requires_approval,
        # The call itself ends a little before, and says more.
        timeout_s=min(tool.timeout_s, _TIMEOUT_S_MAX) + 5.0,
        source="http",
    )


def _schema(tool: HttpTool) -> JSONObject:
    """Return the given JSON Schema, or one made of `parameters` (name → schema, with `required`) and placeholders."""
    if tool.input_schema is not None:
        return tool.input_schema
    properties: JSONObject = {}
    required: list[JSON] = []
    for name, given in tool.parameters.items():
        schema: JSONObject = (
            dict(given) if isinstance(given, dict) else {"type": given if isinstance(given, str) else "string"}
        )
        if schema.pop("required", True) is True:
            required.append(name)
        properties[name] = schema
    texts = [tool.url, *tool.headers.values(), json.dumps(tool.body)]
    for name in dict.fromkeys(name for text in texts for name in _PLACEHOLDER.findall(text)):
        if name not in properties:
            properties[name] = {"type": "string"}
            required.append(name)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _build(tool: HttpTool, values: JSONObject) -> _Request:
    request = _Request(method=tool.method.upper(), url=_filled_url(tool.url, values))
    request.headers = {name: _filled(text, values) for name, text in tool.headers.items()}
    if any(ord(char) < 32 for text in request.headers.values() for char in text):
        raise InvalidRequest("A parameter has a line break in a header.", code="invalid_input")
    texts = [tool.url, *tool.headers.values()]
    used = {name for text in texts for name in _PLACEHOLDER.findall(text)}
    rest = {name: value for name, value in values.items() if name not in used and value is not None}
    if tool.body is not None:
        if isinstance(tool.body, str):
            request.body = _filled(tool.body, values).encode()
        else:
            request.body = json.dumps(_filled_json(tool.body, values)).encode()
            _set_default(request.headers, "content-type", "application/json")
    elif request.method in _WITHOUT_BODY:
        request.url = _with_query(request.url, {name: _as_text(value) for name, value in rest.items()})
    else:
        request.body = json.dumps(rest).encode()
        _set_default(request.headers, "content-type", "application/json")
    return request


def _authorize(request: _Request, auth: Auth, secret: str) -> None:
    match auth.type:
        case "bearer":
            request.headers["authorization"] = f"Bearer {secret}"
        case "basic":
            pair = base64.b64encode(f"{auth.username}:{secret}".encode()).decode()
            request.headers["authorization"] = f"Basic {pair}"
        case "header":
            request.headers[auth.name] = secret
        case "query":
            request.url = _with_query(request.url, {auth.name: secret})
        case _:
            raise InvalidRequest(f"The tool's auth is {auth.type!r}.", code="invalid_tool")


def _result(tool: HttpTool, response: OutboundResponse) -> ToolResult:
    text = response.body.decode("utf-8", errors="replace")
    if not 200 <= response.status < 300:
        shown = tool.failure_text or f"The service answered {response.status}: {text[:_ERROR_CHARS_MAX]}"
        return ToolResult(output=shown, is_error=True, metadata={"status": response.status})
    output: JSON = text
    if not response.is_cut:
        try:
            output = json.loads(text, parse_constant=lambda name: None) if text.strip() else ""
        except (ValueError, RecursionError):
            output = text
    return ToolResult(output=output, metadata={"status": response.status})


def _filled(text: str, values: Mapping[str, JSON]) -> str:
    return _PLACEHOLDER.sub(lambda match: _as_text(values.get(match.group(1))), text)


def _filled_url(url: str, values: Mapping[str, JSON]) -> str:
    """Fill in; a value stays within its place, whatever it holds: it opens no path, query or fragment."""

    def fill(match: re.Match[str]) -> str:
        text = _as_text(values.get(match.group(1)))
        if text in (".", ".."):
            raise InvalidRequest(f"A parameter of the address cannot be {text!r}.", code="invalid_input")
        return quote(text, safe="")

    return _PLACEHOLDER.sub(fill, url)


def _filled_json(template: JSON, values: Mapping[str, JSON]) -> JSON:
    """Fill in a JSON value; a text that is one placeholder and nothing else takes the parameter with its type."""
    if isinstance(template, dict):
        return {key: _filled_json(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled_json(value, values) for value in template]
    if isinstance(template, str):
        whole = _PLACEHOLDER.fullmatch(template)
        return values.get(whole.group(1)) if whole else _filled(template, values)
    return template


def _with_query(url: str, values: Mapping[str, str]) -> str:
    if not values:
        return url
    parts = urlsplit(url)
    return urlunsplit(
        parts._replace(query=urlencode([*parse_qsl(parts.query, keep_blank_values=True), *values.items()]))
    )


def _as_text(value: JSON) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _set_default(headers: dict[str, str], name: str, value: str) -> None:
    if not any(known.lower() == name for known in headers):
        headers[name] = value
