"""The service itself: tokens, OAuth clients, the daily quota, the description."""

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import http
from trivium.contracts.routing import Router
from trivium.contracts.wizchat import shapes, wire
from trivium.contracts.wizchat.api import NO_STORE, PAGING, Api, page, read_object
from trivium.contracts.wizchat.names import scope_into_core, scope_into_wire
from trivium.core.errors import InvalidRequest, NotAuthenticated
from trivium.core.model.clients import OAuthClient

_FORM = "application/x-www-form-urlencoded"


class ServiceRoutes:
    """The routes that belong to no chatbot."""

    def __init__(self, api: Api, *, describe: Callable[[], dict[str, Any]]) -> None:
        self._api = api
        self._oauth = api.platform.management.oauth
        self._describe = describe
        client: dict[str, Any] = {"answer": shapes.OAuthClient}
        api.add("POST", "/oauth/token", self.token, answer=shapes.OAuthTokenResponse, body=shapes.OAuthTokenRequest)
        api.add("GET", "/oauth/clients", self.clients, **client, wrapper="clients", is_list=True, query=PAGING)
        api.add("POST", "/oauth/clients", self.create_client, answer=shapes.OAuthClientCreated, status=201)
        api.add("GET", "/oauth/clients/{clientId}", self.client, **client)
        api.add("DELETE", "/oauth/clients/{clientId}", self.delete_client, status=204)
        api.add("GET", "/usage", self.usage, answer=shapes.UsageSummary)
        api.add("GET", "/openapi.json", self.description)

    def plain_router(self) -> Router:
        """Return the token endpoint in the form of RFC 6749, for OAuth libraries."""
        router = Router()
        router.add("/oauth/token", self.token, methods=["POST"])
        return router

    async def token(self, request: Request) -> Response:
        """Exchange a client's secret for a token."""
        fields = await _token_fields(request)
        if fields.get("grant_type") != "client_credentials":
            raise InvalidRequest("The grant is client_credentials.", code="unsupported_grant_type")
        client_id, secret, scope = (fields.get(name) for name in ("client_id", "client_secret", "scope"))
        if not isinstance(client_id, str) or not isinstance(secret, str) or not client_id or not secret:
            raise NotAuthenticated("client_id and client_secret are needed.", code="invalid_client")
        if scope is not None and not isinstance(scope, str):
            raise InvalidRequest("The scope is a text.", code="invalid_scope")
        wanted = " ".join(scope_into_core(one) for one in scope.split()) if scope else None
        token, lifetime_s, scopes = await self._oauth.token(client_id, secret, scope=wanted)
        answer = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": lifetime_s,
            "scope": " ".join(scope_into_wire(one) for one in scopes),
        }
        return http.json_response(answer, headers=NO_STORE)

    async def clients(self, request: Request) -> Response:
        """List OAuth clients."""
        principal = await self._api.enter(request, query=PAGING, role="admin")
        found = await self._oauth.find(principal.organization_id)
        return page(request, [_show_client(client) for client in found], "clients", key="clientId")

    async def create_client(self, request: Request) -> Response:
        """Register an OAuth client; its secret is shown this once."""
        principal = await self._api.enter(request, role="admin")
        body = await read_object(request)
        name, scopes, agent_ids = body.get("name"), body.get("scopes"), body.get("allowedChatbotIds")
        if set(body) - {"name", "scopes", "allowedChatbotIds"} or not isinstance(name, str):
            raise InvalidRequest("A client has `name`, `scopes` and `allowedChatbotIds`.")
        if not isinstance(scopes, list) or not all(isinstance(one, str) for one in scopes):
            raise InvalidRequest("`scopes` is a list of scopes.")
        if agent_ids is not None and (
            not isinstance(agent_ids, list) or not all(isinstance(one, str) for one in agent_ids)
        ):
            raise InvalidRequest("`allowedChatbotIds` is null or a list of ids.")
        client, secret = await self._oauth.create(
            principal.organization_id,
            name=name,
            scopes=[scope_into_core(one) for one in scopes],
            agent_ids=agent_ids,
        )
        return http.json_response({**_show_client(client), "clientSecret": secret}, 201, NO_STORE)

    async def client(self, request: Request) -> Response:
        """Get an OAuth client."""
        principal = await self._api.enter(request, role="admin")
        client = await self._oauth.get(principal.organization_id, request.path_params["clientId"])
        return http.json_response(_show_client(client))

    async def delete_client(self, request: Request) -> Response:
        """Revoke an OAuth client and its tokens."""
        principal = await self._api.enter(request, role="admin")
        await self._oauth.revoke(principal.organization_id, request.path_params["clientId"])
        return Response(status_code=204)

    async def usage(self, request: Request) -> Response:
        """Show how much of the day's quota is used."""
        principal = await self._api.enter(request)
        state = await self._api.platform.management.quota.state(principal)
        answer = {
            "period": "day",
            "used": state.used,
            "limit": -1 if state.limit is None else state.limit,
            "remaining": state.remaining,
            "resetsAt": wire.time_text(state.resets_at),
            "plan": state.tier,
        }
        return http.json_response(answer)

    async def description(self, request: Request) -> Response:
        """Describe this API (OpenAPI 3.1)."""
        return http.json_response(self._describe())


def _show_client(client: OAuthClient) -> dict[str, Any]:
    return {
        "clientId": client.id,
        "name": client.name,
        "scopes": [scope_into_wire(scope) for scope in client.scopes],
        "allowedChatbotIds": None if client.agent_ids is None else [*client.agent_ids],
        "status": "active" if client.revoked_at is None else "revoked",
        "createdAt": wire.time_text(client.created_at),
        "lastUsedAt": wire.time_text(client.last_used_at),
    }


async def _token_fields(request: Request) -> dict[str, Any]:
    """Return the fields of a token request: form or JSON, the client also as Basic credentials (RFC 6749, 2.3.1)."""
    fields: dict[str, Any]
    if request.headers.get("content-type", "").split(";")[0].strip().lower() == _FORM:
        text = (await request.body()).decode("utf-8", "replace")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=20)
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise InvalidRequest("A field is given twice.")
    else:
        fields = await read_object(request)
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            client_id, _, secret = b64decode(encoded, validate=True).decode().partition(":")
        except (Base64Error, ValueError) as error:
            raise NotAuthenticated("The Basic credentials cannot be read.", code="invalid_client") from error
        fields = {**fields, "client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}
    return fields


def dump(description: dict[str, Any]) -> str:
    """Return the description as text, for a file."""
    return json.dumps(description, indent=2, sort_keys=True) + "\n"
