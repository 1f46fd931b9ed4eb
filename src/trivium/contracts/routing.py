"""Operations by path and method: what a contract serves."""

import functools
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import BaseModel, ValidationError, create_model
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from trivium.contracts.body import StrictRequest
from trivium.contracts.once import HEADER, answered_once
from trivium.core.errors import InvalidRequest

Endpoint = Callable[..., Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class About:
    """What an operation is called in the document, and under which headings it stands."""

    summary: str
    tags: Sequence[str] = ()


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
        summary: str = "",
        tags: Sequence[str] = (),
    ) -> None:
        """Serve an endpoint. Without a summary it stands in no document."""
        about = About(summary=summary, tags=tags) if summary else None
        self.routes.append(self._route_class(self._prefix + path, endpoint, methods=methods, about=about))

    def include(self, other: "Router") -> None:
        """Serve what another router serves, too."""
        self.routes += other.routes


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
