"""What all contracts share of HTTP: the status table, whose envelope an error takes, the outermost layer."""

import logging
import random
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

import msgspec
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trivium.contracts import once
from trivium.contracts.body import SIZE_MAX, BodyTimeout, StrictRequest, UnsupportedMediaType
from trivium.core.errors import (
    Conflict,
    CoreError,
    Gone,
    InvalidRequest,
    LimitExceeded,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    UpstreamFailed,
)

Model = TypeVar("Model", bound=BaseModel)
FailureKind = Literal["core", "validation", "http", "unexpected"]
Endpoint = Callable[[Request], Awaitable[Response]]
current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")

_log = logging.getLogger("trivium.http")
_STATUS: dict[type[CoreError], int] = {
    InvalidRequest: 400,
    UnsupportedMediaType: 415,
    BodyTimeout: 408,
    NotAuthenticated: 401,
    NotPermitted: 403,
    NotFound: 404,
    Conflict: 409,
    Gone: 410,
    LimitExceeded: 429,
    UpstreamFailed: 502,
}
_HTTP_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}
_SECURITY_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_REQUEST_ID_LENGTH_MAX = 200
_ONCE = once.HEADER.encode()


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error on its way into an envelope.

    `kind` "validation" means that the JSON is fine and its shape is not: status 422, which a contract may change.
    `details` is data; for "validation" it has `errors`, a list of {`field`, `message`, `type`}.
    """

    status: int
    code: str
    message: str
    kind: FailureKind
    details: dict[str, object] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    error: Exception | None = None


@dataclass(frozen=True, kw_only=True)
class Direct:
    """The busiest operations of a contract, by the whole path they are POSTed to, and the layer around them, if any."""

    endpoints: Mapping[str, Endpoint]
    layer: Callable[[ASGIApp], ASGIApp] | None = None


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """The errors of one contract. `owns` looks at a path and its headers; `render` returns status and body."""

    name: str
    owns: Callable[[str, Headers], bool]
    render: Callable[[Failure], tuple[int, object]]


def status_of(error: CoreError) -> int:
    """Return the HTTP status of a kind of error: the only such table."""
    if isinstance(error, Conflict) and error.is_precondition:
        return 412
    if isinstance(error, LimitExceeded) and error.is_size:
        return 413
    if isinstance(error, LimitExceeded) and error.code == "busy":
        return 503
    if isinstance(error, UpstreamFailed) and error.is_timeout:
        return 504
    return next((_STATUS[cls] for cls in type(error).__mro__ if cls in _STATUS), 500)


def failure_of(error: CoreError) -> Failure:
    """Return the failure of a core error; 401 and waiting times bring their headers."""
    headers: dict[str, str] = {}
    if isinstance(error, LimitExceeded | UpstreamFailed) and error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s + 0.499)))
    status = status_of(error)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    is_validation = error.code == "validation_failed"
    return Failure(
        status=422 if is_validation else status,
        code=error.code,
        message=error.message,
        kind="validation" if is_validation else "core",
        details=error.details,
        headers=headers,
        error=error,
    )


def install(
    app: Starlette,
    dialects: Sequence[Dialect],
    *,
    body_size_max: int = SIZE_MAX,
    direct: Sequence[Direct] = (),
) -> None:
    """Give the application its error handlers and its outermost layer.

    The first dialect that owns a path renders its errors; what nobody owns gets {"error": {"code", "message"}}. Call it
    once, after every router is included. Slash redirects are switched off: they break clients that follow none.

    `direct` are the same endpoints as in the routers, reached without the framework's layers (a seventh of a turn's
    cost). They read bodies and raise errors as always; a request with an Idempotency-Key takes the long way.
    """
    edge = _Edge(app, tuple(dialects), direct)
    app.router.redirect_slashes = False
    app.state.dialects = edge.dialects
    app.state.body_size_max = body_size_max
    app.add_exception_handler(CoreError, _on_core_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_middleware(edge.layer)


def respond(request: Request, failure: Failure) -> Response:
    """Return the failure in the envelope of the contract that owns the request's path."""
    return _render(request.app.state.dialects, request.scope, failure)


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer, encoded without a detour over pydantic."""
    return Response(msgspec.json.encode(content), status, headers, "application/json")


def validate(model: type[Model], value: object) -> Model:
    """Return the value as a wire shape, or raise InvalidRequest with code `validation_failed` and the field errors."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid_fields(field_errors(error.errors())) from error


def invalid_fields(errors: Sequence[Mapping[str, str]]) -> InvalidRequest:
    """Return the error that renders as a validation failure."""
    return InvalidRequest(_summary(errors), code="validation_failed", details={"errors": [*errors]})


def field_errors(errors: Sequence[Any]) -> list[dict[str, str]]:
    """Return {field, message, type} of each pydantic error; never the input, which may hold a secret."""
    return [
        {
            "field": ".".join(str(part) for part in error["loc"]) or "body",
            "message": str(error["msg"]),
            "type": str(error["type"]),
        }
        for error in errors[:50]
    ]


def bearer_or(headers: Headers, *names: str) -> str:
    """Return the credential of a request: the first of the named headers, else the Bearer token, else ""."""
    for name in names:
        value = headers.get(name)
        if value:
            return value.strip()
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def safe_header(value: str) -> str:
    """Return the text as it may stand in a header: printable ASCII, the rest as "?", at most 200 characters."""
    value = value[:_REQUEST_ID_LENGTH_MAX]
    if value.isascii() and value.isprintable():
        return value
    return "".join(c if " " <= c <= "~" else "?" for c in value)


async def _on_core_error(request: Request, error: Exception) -> Response:
    return respond(request, failure_of(cast(CoreError, error)))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    error = cast(HTTPException, error)
    message = str(error.detail) if error.detail else "The request failed."
    headers = dict(error.headers or {})
    if error.status_code == 404:
        message = f"Nothing is served at {request.url.path[:200]}."
    elif error.status_code == 405:
        allowed = _allowed_methods(request)
        headers["Allow"] = ", ".join(allowed)
        message = f"{request.method} is not possible here; use {' or '.join(allowed)}."
    failure = Failure(
        status=error.status_code,
        code=_HTTP_CODES.get(error.status_code, "bad_request" if error.status_code < 500 else "internal_error"),
        message=message,
        kind="http",
        headers=headers,
        error=error,
    )
    return respond(request, failure)


def _allowed_methods(request: Request) -> list[str]:
    # The router names only the methods of the first route with this path; a resource may be served by several.
    methods: set[str] = set()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0].value == 2 for route in request.app.router.routes):
            methods.add(method)
    return sorted(methods)


def _render(dialects: tuple[Dialect, ...], scope: Scope, failure: Failure) -> Response:
    path, headers = scope["path"], Headers(scope=scope)
    for dialect in dialects:
        if dialect.owns(path, headers):
            status, body = dialect.render(failure)
            return json_response(body, status, failure.headers)
    return json_response({"error": {"code": failure.code, "message": failure.message}}, failure.status, failure.headers)


def _summary(errors: Sequence[Mapping[str, str]]) -> str:
    if not errors:
        return "The request is not valid."
    first = errors[0]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{first['field']}: {first['message']}{more}"


class _Edge:
    """Holds what the outermost layer needs; the layer itself is made by the framework when the app starts."""

    def __init__(self, app: Starlette, dialects: tuple[Dialect, ...], direct: Sequence[Direct]) -> None:
        self._app = app
        self.dialects = dialects
        self._endpoints = {path: endpoint for part in direct for path, endpoint in part.endpoints.items()}
        self._direct: dict[str, ASGIApp] = {}
        for part in direct:
            served = self._answer if part.layer is None else part.layer(self._answer)
            self._direct.update(dict.fromkeys(part.endpoints, served))

    def layer(self, app: ASGIApp) -> ASGIApp:
        """Return the application with request ids, security headers and an envelope for what nobody expected."""

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            request_id = _request_id(scope)
            scope.setdefault("state", {})["request_id"] = request_id
            token = current_request_id.set(request_id)
            started = False

            async def send_marked(message: Message) -> None:
                nonlocal started
                if message["type"] == "http.response.start":
                    started = True
                    _add_headers(message, request_id)
                    if _log.isEnabledFor(logging.DEBUG):
                        _log.debug("%s %s: %d", scope["method"], _route_path(scope, self._direct), message["status"])
                await send(message)

            try:
                await (self._direct_way(scope) or app)(scope, receive, send_marked)
            except ClientDisconnect:
                # Nobody is left to answer, and nothing failed here.
                _log.info("%s %s left unfinished by its client", scope["method"], scope["path"])
            except Exception as error:
                _log.exception("%s %s failed", scope["method"], scope["path"], extra={"request_id": request_id})
                if started:
                    raise
                await _render(self.dialects, scope, _unexpected(error))(scope, receive, send_marked)
            finally:
                current_request_id.reset(token)

        return serve

    def _direct_way(self, scope: Scope) -> ASGIApp | None:
        way = self._direct.get(scope["path"])
        if way is None or scope["method"] != "POST":
            return None
        return None if any(name == _ONCE for name, _ in scope["headers"]) else way

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = self._app
        request = StrictRequest(scope, receive)
        try:
            response = await self._endpoints[scope["path"]](request)
        except CoreError as error:
            response = respond(request, failure_of(error))
        await response(scope, receive, send)


def _route_path(scope: Scope, direct: Mapping[str, ASGIApp]) -> str:
    # The route as it was declared: what stands in a path itself may be somebody's secret.
    if scope["path"] in direct:
        return str(scope["path"])
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "(no route)"


def _unexpected(error: Exception) -> Failure:
    return Failure(
        status=500,
        code="internal_error",
        message="The server failed; the request id helps to find out why.",
        kind="unexpected",
        error=error,
    )


def _request_id(scope: Scope) -> str:
    given = b""
    for name, value in scope["headers"]:
        if name == b"request-id":
            given = value
            break
        if name == b"x-request-id":
            given = value
    return safe_header(given.decode("latin-1")) if given else _new_request_id()


def _new_request_id() -> str:
    # A UUID of version 4 from the cheap generator: every request needs one, and nobody has to be unable to guess it.
    digits = f"{random.getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _add_headers(message: MutableMapping[str, Any], request_id: str) -> None:
    headers = list(message.get("headers", ()))
    present = {name for name, _ in headers}
    headers.extend(header for header in _SECURITY_HEADERS if header[0] not in present)
    headers.append((b"x-request-id", request_id.encode("ascii")))
    message["headers"] = headers
