"""Workflows as configuration as code: all of them in one document, planned and applied in one call (ours)."""

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import bearer_or, invalid_fields, json_response
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.names import camel_place
from trivium.contracts.wisebot.wire_flow_config import (
    applied_json,
    drift_json,
    invalid,
    read_set,
    set_json,
)
from trivium.core.errors import Conflict, InvalidRequest, NotAuthenticated
from trivium.core.model.access import Principal
from trivium.core.platform import Platform, WorkflowsApplied, WorkflowsRequest, plan_hash


class FlowConfigRoutes:
    """For the credentials of both contracts: `wpk_live_` keys, which the configuration client holds, and ours."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._configs = platform.workflow_configs

    def add_to(self, router: Router) -> None:
        """Add the operations to a router; before those below `/api/v1/flows/{flow_id}`."""
        for path, call, method, summary in (
            ("/api/v1/flows/config", self.export, "GET", "All workflows as one document"),
            ("/api/v1/flows/apply", self.apply, "POST", "Plan or apply a document of workflows"),
            ("/api/v1/flows/drift", self.drift, "GET", "What changed since the last apply"),
        ):
            router.add(path, call, methods=[method], summary=summary, tags=["Workflows"])

    async def export(self, request: Request) -> Response:
        """Return every workflow without ids, times and secrets, with names for what the steps refer to."""
        principal = await self._enter(request)
        found = await self._configs.export(principal)
        return json_response(set_json(found), headers={"ETag": _etag(found.digest)})

    async def apply(self, request: Request) -> Response:
        """Bring the workflows to the document's state, or with `dryRun=true` say what that would do.

        400 names everything that is wrong in all workflows and 409 and 412 what stands against it, both before
        anything is written; 422 is an apply that stopped half way.
        """
        principal = await self._enter(request, "dryRun")
        is_dry_run = _flag(request, "dryRun")
        body, wishes = read_set(await request.json())
        headers = request.headers
        wanted = WorkflowsRequest(
            workflows=wishes,
            prune=body.prune,
            is_dry_run=is_dry_run,
            base=_digest(headers.get("if-match")),
            plan_hash=headers.get("plan-hash"),
            new_agents=body.new_agents,
            deletes_max=_count(headers.get("max-deletes"), "max-deletes"),
        )
        try:
            result = await self._configs.apply(principal, wanted)
        except InvalidRequest as error:
            problems = error.details.get("problems")
            raise invalid(problems) if isinstance(problems, list) else error from error
        except Conflict as error:
            if isinstance(place := error.details.get("place"), str):
                error.details["place"] = camel_place(place)
                error.message = error.message.replace(place, camel_place(place))
            raise
        return _answer(result)

    async def drift(self, request: Request) -> Response:
        """Return what changed since the last apply, and who changed it."""
        principal = await self._enter(request)
        found = await self._configs.drift(principal)
        return json_response(drift_json(found), headers={"ETag": _etag(found.digest)})

    async def _enter(self, request: Request, *query: str) -> Principal:
        """Return the caller; what it may do is checked by scopes. A query that nobody knows is refused: a misspelt
        `dryRun` must not write.
        """
        token = bearer_or(request.headers)
        if not token:
            raise NotAuthenticated("A Bearer token is needed: a dashboard JWT or a key.", code="missing_credential")
        principal = await self._platform.management.oauth.authenticate(token)
        if principal is None:
            principal = await self._platform.access.authenticate(token, kinds=("user", "wisebot", "wizchat"))
        if principal.key_kind == "wizchat":
            await self._platform.management.quota.spend(principal)
        unknown = sorted(set(request.query_params) - set(query))
        if unknown:
            raise invalid_fields([{"field": unknown[0], "message": "This parameter is not known.", "type": "unknown"}])
        return principal


def _answer(result: WorkflowsApplied) -> Response:
    headers = {"Base-ETag": _etag(result.base), "Plan-Hash": plan_hash(result.plan)}
    headers["ETag"] = headers["Base-ETag"] if result.after is None else _etag(result.after.digest)
    if result.revision is not None:
        headers["Revision"] = str(result.revision)
    return json_response(applied_json(result), 422 if result.failed is not None else 200, headers)


def _etag(digest: str) -> str:
    return f'"{digest}"'


def _digest(header: str | None) -> str | None:
    """Return the state an `If-Match` names, or None for any; what we never issued is the name of no state."""
    return None if header is None or header.strip() == "*" else header.strip().strip('"')


def _flag(request: Request, name: str) -> bool:
    values = request.query_params.getlist(name) or ["false"]
    if values not in (["true"], ["false"]):
        raise invalid_fields([{"field": name, "message": "true or false is expected.", "type": "bool"}])
    return values == ["true"]


def _count(value: str | None, name: str) -> int | None:
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise invalid_fields([{"field": name, "message": "A whole number is expected.", "type": "int"}])
    return int(value)
