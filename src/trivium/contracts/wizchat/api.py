"""What every route of the contract goes through: the caller, the quota, the query, the headers, the description."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import http
from trivium.contracts.routing import Router, StrictRoute
from trivium.contracts.wizchat.names import scope_into_core
from trivium.core.errors import CoreError, InvalidRequest, LimitExceeded
from trivium.core.model.access import Principal
from trivium.core.platform import Platform

PREFIX = "/api/v1"
_PAGE_MAX = 1000
# For answers that show a secret, once: nobody keeps them, not even for an `Idempotency-Key`.
NO_STORE = {"Cache-Control": "no-store"}
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One call of the contract, as `/openapi.json` describes it. `mark`: contract, inferred, or ours."""

    method: str
    path: str
    summary: str
    name: str
    scope: str | None
    mark: str
    status: int
    answer: type[BaseModel] | None
    wrapper: str | None
    is_list: bool
    body: type[BaseModel] | None
    query: tuple[str, ...]


@dataclass(kw_only=True)
class Api:
    """The router and the description, filled by one call of `add` per operation."""

    platform: Platform
    router: Router = field(default_factory=lambda: Router(route_class=ManagementRoute))
    operations: list[Operation] = field(default_factory=list)

    def add(
        self,
        method: str,
        path: str,
        handler: Handler,
        *,
        scope: str | None = None,
        mark: str = "inferred",
        status: int = 200,
        answer: type[BaseModel] | None = None,
        wrapper: str | None = None,
        is_list: bool = False,
        body: type[BaseModel] | None = None,
        query: tuple[str, ...] = (),
    ) -> None:
        """Serve a handler; its docstring's first line is the summary."""
        self.router.add(PREFIX + path, handler, methods=[method])
        operation = Operation(
            method=method,
            path=PREFIX + path,
            summary=(handler.__doc__ or "").split("\n", 1)[0].rstrip("."),
            name=f"{handler.__name__}",
            scope=scope,
            mark=mark,
            status=status,
            answer=answer,
            wrapper=wrapper,
            is_list=is_list,
            body=body,
            query=query,
        )
        self.operations.append(operation)

    async def enter(
        self, request: Request, scope: str | None = None, *, query: Sequence[str] = (), role: Any = None
    ) -> Principal:
        """Return the caller: known, within rate and quota, with this scope (the contract's name) and this chatbot.

        Query parameters that the operation does not know are refused: a misspelt `dryRun` must not write.
        """
        token = http.bearer_or(request.headers)
        principal = await self.platform.management.oauth.authenticate(token)
        if principal is None:
            principal = await self.platform.access.authenticate(token, kinds=("wizchat", "user"))
        allowance = self.platform.access.allowance(principal)
        if allowance is not None:
            _add_rate_headers(request, allowance.limit, allowance.remaining, allowance.reset_s)
        if principal.kind == "key":
            await self.platform.management.quota.spend(principal)
        unknown = sorted(set(request.query_params) - set(query))
        if unknown:
            raise http.invalid_fields(
                [
                    {"field": name, "message": "This query parameter is not known.", "type": "unknown"}
                    for name in unknown
                ]
            )
        agent_id = request.path_params.get("chatbotId")
        self.platform.access.require(principal, scope=scope and scope_into_core(scope), agent_id=agent_id, role=role)
        return principal


class ManagementRoute(StrictRoute):
    """A route whose answers, errors included, tell how much of the rate limit is left."""

    async def answer(self, request: Request) -> Response:
        """Return the answer, or the error in its envelope, with the headers of limits."""
        try:
            response = await super().answer(request)
        except CoreError as error:
            if isinstance(error, LimitExceeded) and "limit" in error.details:
                details = error.details
                _add_rate_headers(request, details["limit"], details.get("remaining", 0), details.get("reset_s", 0))
            response = http.respond(request, http.failure_of(error))
        for name, value in getattr(request.state, "rate_headers", {}).items():
            response.headers[name] = value
        return response


def flag(request: Request, name: str) -> bool:
    """Return a boolean query parameter; InvalidRequest for anything but `true` and `false`."""
    value = request.query_params.get(name, "false")
    if value not in ("true", "false") or len(request.query_params.getlist(name)) > 1:
        raise http.invalid_fields([{"field": name, "message": "true or false is expected.", "type": "bool"}])
    return value == "true"


def whole_number(request: Request, name: str, *, default: int, low: int, high: int) -> int:
    """Return an integer query parameter; InvalidRequest outside of its bounds."""
    value = request.query_params.get(name)
    if value is None:
        return default
    if not value.isascii() or not value.isdigit() or len(value) > 9 or not low <= int(value) <= high:
        message = f"A whole number from {low} to {high} is expected."
        raise http.invalid_fields([{"field": name, "message": message, "type": "int"}])
    return int(value)


def page(request: Request, items: Sequence[dict[str, Any]], wrapper: str, *, key: str = "id") -> Response:
    """Return the list in its wrapper; all of it, or `limit` items from `cursor` on with a `nextCursor` beside."""
    if "limit" not in request.query_params and "cursor" not in request.query_params:
        return http.json_response({wrapper: items})
    limit = whole_number(request, "limit", default=100, low=1, high=_PAGE_MAX)
    cursor = request.query_params.get("cursor")
    start = 0
    if cursor is not None:
        places = [index for index, item in enumerate(items) if item.get(key) == cursor]
        if not places:
            raise http.invalid_fields([{"field": "cursor", "message": "Nothing is at this place.", "type": "cursor"}])
        start = places[0] + 1
    shown = items[start : start + limit]
    answer: dict[str, Any] = {wrapper: shown}
    if start + limit < len(items):
        answer["nextCursor"] = shown[-1][key]
    return http.json_response(answer)


PAGING = ("limit", "cursor")


async def read_object(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request; InvalidRequest for anything else."""
    body = await request.json() if await request.body() else {}
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.")
    return body


def _add_rate_headers(request: Request, limit: object, remaining: object, reset_s: object) -> None:
    request.state.rate_headers = {
        "RateLimit-Limit": str(limit),
        "RateLimit-Remaining": str(remaining),
        "RateLimit-Reset": str(reset_s),
    }
