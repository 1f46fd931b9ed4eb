"""Operations by path and method: what a contract serves, and what the OpenAPI document says of it."""

import functools
import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack, get_type_hints

import msgspec
from pydantic import BaseModel, ValidationError, create_model
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from trivium.contracts.body import StrictRequest
from trivium.contracts.once import HEADER, answered_once
from trivium.core.errors import InvalidRequest

Endpoint = Callable[..., Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class About:
    """What the document says of an operation beside its parameters."""

    summary: str = ""
    tags: Sequence[str] = ()
    status_code: int = 200
    body: type[BaseModel] | None = None
    body_types: Sequence[str] = ("application/json",)
    headers: Sequence[tuple[str, str]] = ()


class StrictRoute(Route):
    """An operation. Its endpoint gets the request and, by name, what its signature asks for.

    A name that stands in the path is that part of the path; any other is a query parameter of the annotated type,
    checked before the endpoint is called (`validation_failed`). Bodies are read through `StrictRequest`; a POST with
    an `Idempotency-Key` is answered once.
    """

    def __init__(self, path: str, endpoint: Endpoint, *, methods: Sequence[str], about: About | None = None) -> None:
        super().__init__(path, endpoint, methods=methods)
        # HEAD is not served: most answers are streams or cost a query.
        self.methods = {method.upper() for method in methods}
        self.about = about
        self.app = self._serve
        names = [*inspect.signature(endpoint).parameters][1:]
        self._path_names = tuple(name for name in names if name in self.param_convertors)
        self._query_names = tuple(name for name in names if name not in self.param_convertors)

    @functools.cached_property
    def query(self) -> type[BaseModel] | None:
        """The query parameters as a shape; None where the endpoint names none."""
        if not self._query_names:
            return None
        hints = get_type_hints(self.endpoint, include_extras=True)
        parameters = inspect.signature(self.endpoint).parameters
        fields: dict[str, Any] = {
            name: (hints[name], ... if (default := parameters[name].default) is inspect.Parameter.empty else default)
            for name in self._query_names
        }
        return create_model("Query", **fields)

    async def answer(self, request: Request) -> Response:
        """Return the endpoint's answer, or the one that was kept for the request's `Idempotency-Key`."""
        if request.method == "POST" and HEADER in request.headers:
            return await answered_once(request, self._call)
        return await self._call(request)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = self
        response = await self.answer(StrictRequest(scope, receive))
        await response(scope, receive, send)

    async def _call(self, request: Request) -> Response:
        arguments = {name: request.path_params[name] for name in self._path_names}
        if self.query is not None:
            arguments |= _read_query(self.query, request)
        response: Response = await self.endpoint(request, **arguments)
        return response


class Router:
    """The operations of a part of a contract, below a prefix."""

    def __init__(self, *, prefix: str = "", route_class: type[StrictRoute] = StrictRoute) -> None:
        self.routes: list[StrictRoute] = []
        self._prefix = prefix
        self._route_class = route_class

    def add(
        self,
        path: str,
        endpoint: Endpoint,
        *,
        methods: Sequence[str],
        about: About | None = None,
        **described: Unpack["_Described"],
    ) -> None:
        """Serve an endpoint. What describes it are the fields of `About`; without any it stands in no document."""
        if described:
            about = About(**described)
        self.routes.append(self._route_class(self._prefix + path, endpoint, methods=methods, about=about))

    def include(self, other: "Router") -> None:
        """Serve what another router serves, too."""
        self.routes += other.routes


class _Described(TypedDict, total=False):
    summary: str
    tags: Sequence[str]
    status_code: int
    body: type[BaseModel] | None
    body_types: Sequence[str]
    headers: Sequence[tuple[str, str]]


def describe(routes: Sequence[BaseRoute], *, title: str, version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of those routes that say what they are about."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        if isinstance(route, StrictRoute) and route.about is not None:
            for method in sorted(route.methods or ()):
                paths.setdefault(route.path_format, {})[method.lower()] = _operation(route, route.about, method)
    return {"openapi": "3.1.0", "info": {"title": title, "version": version}, "paths": paths}


def description(routes: Sequence[BaseRoute], *, title: str, version: str) -> Router:
    """Return the route that shows the document; it is made when it is first asked for."""

    @functools.cache
    def document() -> bytes:
        return msgspec.json.encode(describe(routes, title=title, version=version))

    async def show(_request: Request) -> Response:
        return Response(document(), media_type="application/json")

    router = Router()
    router.add("/openapi.json", show, methods=["GET"])
    return router


def _read_query(model: type[BaseModel], request: Request) -> dict[str, Any]:
    try:
        query = model.model_validate(dict(request.query_params))
    except ValidationError as error:
        errors = [
            {"field": ".".join(("query", *map(str, one["loc"]))), "message": one["msg"], "type": one["type"]}
            for one in error.errors()
        ]
        message = f"{errors[0]['field']}: {errors[0]['message']}"
        raise InvalidRequest(message, code="validation_failed", details={"errors": errors}) from error
    return {name: getattr(query, name) for name in model.model_fields}


def _operation(route: StrictRoute, about: About, method: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "operationId": re.sub(r"\W", "_", f"{route.name}{route.path_format}") + f"_{method.lower()}",
        "summary": about.summary,
        "tags": [*about.tags],
        "parameters": _parameters(route, about),
        "responses": {str(about.status_code): {"description": "Done."}},
    }
    if about.body is not None:
        schema = inlined_schema(about.body)
        content = {media_type: {"schema": schema} for media_type in about.body_types}
        shown["requestBody"] = {"required": True, "content": content}
    return shown


def _parameters(route: StrictRoute, about: About) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in route.param_convertors
    ]
    if route.query is not None:
        schema = inlined_schema(route.query)
        required = schema.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": shape}
            for name, shape in schema["properties"].items()
        ]
    parameters += [
        {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, "description": text}
        for name, text in about.headers
    ]
    return parameters


def inlined_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of a shape, definitions put where they are referred to: it stands inside a document."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(one) for one in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if isinstance(reference, str):
            return resolve(definitions[reference.rsplit("/", 1)[-1]])
        return {key: resolve(value) for key, value in node.items()}

    resolved: dict[str, Any] = resolve(schema)
    return resolved
