"""Signing in a machine that no password is typed into (RFC 8628), and what a credential is good for."""

from typing import Any, Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel, Field
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import Dialect, Failure, bearer_or, json_response, validate
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify_person
from trivium.contracts.wisebot.names import time_text
from trivium.core.errors import InvalidRequest
from trivium.core.model.access import ApiKey
from trivium.core.model.devices import DeviceRequest
from trivium.core.platform import Platform

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
PAGE = "/device"
_ASK, _POLL = "/api/auth/device", "/api/auth/device/token"
_FORM = "application/x-www-form-urlencoded"
_NO_STORE = {"Cache-Control": "no-store"}


class AskBody(BaseModel):
    """What a machine says of itself; `scope` is the most it wants to be."""

    client_id: str = Field(min_length=1, max_length=200)
    device_name: str = Field(default="", max_length=200)
    scope: Literal["", "owner", "admin", "member"] = ""


class PollBody(BaseModel):
    """A machine that wants its key."""

    grant_type: str = Field(max_length=200)
    device_code: str = Field(min_length=1, max_length=200)


class DecisionBody(BaseModel):
    """What a person answers."""

    approve: bool


class DeviceRoutes:
    """The machine's two calls, the answer of a person who is signed in, and what belongs to any credential."""

    def __init__(self, platform: Platform, *, public_url: str) -> None:
        self._access = platform.access
        self._platform = platform
        self._public_url = public_url.rstrip("/")

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        for path, call, method, summary in (
            (_ASK, self.ask, "POST", "Ask to be signed in as a device (RFC 8628)"),
            (_POLL, self.poll, "POST", "Get the device's key once somebody has approved"),
            ("/api/v1/device/{user_code}", self.show, "GET", "What asks with this code (JWT only)"),
            ("/api/v1/device/{user_code}", self.decide, "POST", "Approve or deny it (JWT only)"),
            ("/api/v1/me", self.me, "GET", "Who is calling, and until when"),
            ("/api/auth/logout", self.log_out, "POST", "Sign this device out"),
        ):
            router.add(path, call, methods=[method], summary=summary, tags=["Sign-in"])

    async def ask(self, request: Request) -> Response:
        """Return the two codes and where a person types theirs."""
        body = validate(AskBody, await _fields(request))
        source = request.client.host if request.client is not None else ""
        asked = await self._access.devices.ask(
            program=body.client_id, name=body.device_name, source=source, role=body.scope or None
        )
        page = (self._public_url or str(request.base_url).rstrip("/")) + PAGE
        answer = {
            "device_code": asked.device_code,
            "user_code": asked.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?code={asked.user_code}",
            "expires_in": round((asked.request.expires_at - asked.request.created_at).total_seconds()),
            "interval": asked.request.interval_s,
        }
        return json_response(answer, headers=_NO_STORE)

    async def poll(self, request: Request) -> Response:
        """Return the device's key, once; until then 400 with `authorization_pending` or why it will not come."""
        body = validate(PollBody, await _fields(request))
        if body.grant_type != GRANT:
            raise InvalidRequest(f"The grant_type here is {GRANT}.", code="unsupported_grant_type")
        key, secret = await self._access.devices.poll(body.device_code)
        return json_response(await self._token(key, secret), headers=_NO_STORE)

    async def show(self, request: Request, user_code: str) -> Response:
        """Return which machine asks with this code."""
        principal = await identify_person(self._platform, request)
        return json_response(_request(await self._access.devices.show(principal, user_code)))

    async def decide(self, request: Request, user_code: str) -> Response:
        """Approve or deny the machine that asks with this code, for the caller's organization."""
        principal = await identify_person(self._platform, request)
        body = validate(DecisionBody, await request.json())
        return json_response(
            _request(await self._access.devices.decide(principal, user_code, is_approved=body.approve))
        )

    async def me(self, request: Request) -> Response:
        """Return who a credential of any kind stands for."""
        found = await self._access.credential(bearer_or(request.headers, "x-wabee-access"))
        principal = found.principal
        answer: dict[str, Any] = {
            "kind": found.kind,
            "name": principal.name,
            "email": principal.name if principal.kind == "user" else None,
            "role": principal.role,
            "scopes": sorted(principal.scopes),
            "organization": {"id": found.organization.id, "name": found.organization.name},
            "agentIds": None if principal.agent_ids is None else sorted(principal.agent_ids),
            "keyId": found.key_id,
            "device": found.key_name if found.kind == "device" else None,
            "expiresAt": time_text(found.expires_at),
        }
        return json_response(answer)

    async def log_out(self, request: Request) -> Response:
        """Revoke the caller's own device key; a JWT ends by itself and other keys stay."""
        return json_response({"revoked": await self._access.log_out(bearer_or(request.headers))})

    async def _token(self, key: ApiKey, secret: str) -> dict[str, Any]:
        found = await self._access.credential(secret)
        lifetime = (found.expires_at or key.created_at) - key.created_at
        return {
            "access_token": secret,
            "token_type": "Bearer",
            "expires_in": round(lifetime.total_seconds()),
            "scope": key.role,
            "key_id": key.id,
            "email": found.principal.name,
            "organization_id": key.organization_id,
            "organization": found.organization.name,
        }


def _owns(path: str, headers: Headers) -> bool:
    return path in (_ASK, _POLL)


def _render(failure: Failure) -> tuple[int, object]:
    """Return an error of RFC 6749, 5.2: `error` is a code."""
    code = "invalid_request" if failure.kind in ("validation", "http") else failure.code
    status = 400 if failure.kind == "validation" else failure.status
    return status, {"error": code, "error_description": failure.message}


DEVICE_DIALECT = Dialect(name="device-login", owns=_owns, render=_render)


def _request(request: DeviceRequest) -> dict[str, Any]:
    return {
        "program": request.program,
        "device": request.name,
        "source": request.source,
        "status": request.status,
        "role": request.role,
        "organizationId": request.organization_id,
        "createdAt": time_text(request.created_at),
        "expiresAt": time_text(request.expires_at),
    }


async def _fields(request: Request) -> dict[str, Any]:
    """Return the fields of a form, as the RFC has it, or of JSON; InvalidRequest for a field given twice."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        body = await request.json()
        if not isinstance(body, dict):
            raise InvalidRequest("The body must be a form or a JSON object.")
        return body
    text = (await request.body()).decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=20)
    except ValueError as error:
        raise InvalidRequest("The form has too many fields.") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidRequest("A field is given twice.")
    return {**fields}
