"""Who may reach a chatbot: access protection, external API, access lists, telemetry."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import http
from trivium.contracts.wizchat import shapes, shapes_config, wire
from trivium.contracts.wizchat.api import NO_STORE, Api, read_object
from trivium.core.errors import InvalidRequest
from trivium.core.model.access import Principal
from trivium.core.model.protection import AgentKey, AgentKeyPurpose
from trivium.core.platform import Place

_READ, _WRITE = "security:read", "security:write"
_BOT = "/chatbots/{chatbotId}"


class SecurityRoutes:
    """The four singletons of security, and the keys of two of them."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._management = api.platform.management
        gate, external = shapes.PublicAccessProtectionConfig, shapes.PublicExternalApiConfig
        lists, telemetry = shapes.PublicAccessLists, shapes.PublicTelemetry
        api.add("GET", f"{_BOT}/access-protection", self.gate, scope=_READ, answer=gate)
        api.add("PATCH", f"{_BOT}/access-protection", self.change_gate, scope=_WRITE, answer=gate)
        api.add("POST", f"{_BOT}/access-protection/keys", self.create_gate_key, scope=_WRITE, status=201)
        api.add("DELETE", f"{_BOT}/access-protection/keys/{{keyId}}", self.revoke_gate_key, scope=_WRITE, status=204)
        api.add("PUT", f"{_BOT}/access-protection/jwt-secret", self.put_jwt_secret, scope=_WRITE, status=204)
        api.add("GET", f"{_BOT}/external-api", self.external, scope=_READ, answer=external)
        api.add("PATCH", f"{_BOT}/external-api", self.change_external, scope=_WRITE, answer=external)
        api.add("POST", f"{_BOT}/external-api/keys", self.create_external_key, scope=_WRITE, status=201)
        api.add("DELETE", f"{_BOT}/external-api/keys/{{keyId}}", self.revoke_external_key, scope=_WRITE, status=204)
        api.add("GET", f"{_BOT}/access-lists", self.lists, scope=_READ, mark="contract", answer=lists)
        api.add("PUT", f"{_BOT}/access-lists", self.put_lists, scope=_WRITE, answer=lists, body=lists)
        api.add("GET", f"{_BOT}/telemetry", self.telemetry, scope=_READ, answer=telemetry)
        api.add("PATCH", f"{_BOT}/telemetry", self.change_telemetry, scope=_WRITE, answer=telemetry, body=telemetry)

    async def gate(self, request: Request) -> Response:
        """Get access protection with its keys."""
        return await self._show_gate(await self._api.enter(request, _READ), request)

    async def change_gate(self, request: Request) -> Response:
        """Change access protection."""
        principal = await self._api.enter(request, _WRITE)
        await self._change(principal, request, "accessProtection", shapes_config.AccessProtectionSection)
        return await self._show_gate(principal, request)

    async def create_gate_key(self, request: Request) -> Response:
        """Make a key for visitors; it is shown this once."""
        body = await self._enter_with(request, {"label"})
        key, secret = await self._new_key(request, "visitor", name=body.get("label"))
        return http.json_response({**_show_gate_key(key), "key": secret}, 201, NO_STORE)

    async def revoke_gate_key(self, request: Request) -> Response:
        """Revoke a key for visitors."""
        return await self._revoke(request, "visitor")

    async def put_jwt_secret(self, request: Request) -> Response:
        """Set the secret that visitors' tokens are signed with; it is never shown."""
        principal = await self._api.enter(request, _WRITE)
        body = await read_object(request)
        secret = body.get("secret")
        if set(body) != {"secret"} or not isinstance(secret, str) or not 16 <= len(secret) <= 4096:
            raise InvalidRequest("The body has one field, `secret`, of 16 to 4,096 characters.")
        place = Place(server=None, name="jwt_secret")
        await self._management.secrets.put(principal, _bot(request), {place: secret})
        return Response(status_code=204)

    async def external(self, request: Request) -> Response:
        """Get external API access with its keys."""
        return await self._show_external(await self._api.enter(request, _READ), request)

    async def change_external(self, request: Request) -> Response:
        """Change external API access."""
        principal = await self._api.enter(request, _WRITE)
        await self._change(principal, request, "externalApi", shapes_config.ExternalApiSection)
        return await self._show_external(principal, request)

    async def create_external_key(self, request: Request) -> Response:
        """Make a key for programs that ask questions; it is shown this once."""
        body = await self._enter_with(request, {"name", "description"})
        description = body.get("description")
        if description is not None and not isinstance(description, str):
            raise InvalidRequest("`description` is a text.")
        key, secret = await self._new_key(request, "external", name=body.get("name"), description=description)
        return http.json_response({**_show_external_key(key), "key": secret}, 201, NO_STORE)

    async def revoke_external_key(self, request: Request) -> Response:
        """Revoke a key for programs."""
        return await self._revoke(request, "external")

    async def lists(self, request: Request) -> Response:
        """Get who may use the chatbot and where it may be embedded."""
        return await self._show(await self._api.enter(request, _READ), request, "access_lists")

    async def put_lists(self, request: Request) -> Response:
        """Replace the access lists; a list that is left out becomes empty."""
        principal = await self._api.enter(request, _WRITE)
        body = await read_object(request)
        wire.check(shapes.PublicAccessLists, body)
        whole = {"authorizedEmails": None, "authorizedDomains": None, "allowedEmbedDomains": None, **body}
        await self._management.configs.change(principal, _bot(request), wire.read_sections({"accessLists": whole}))
        return await self._show(principal, request, "access_lists")

    async def telemetry(self, request: Request) -> Response:
        """Get what is kept about visitors."""
        return await self._show(await self._api.enter(request, _READ), request, "telemetry")

    async def change_telemetry(self, request: Request) -> Response:
        """Change what is kept about visitors."""
        principal = await self._api.enter(request, _WRITE)
        await self._change(principal, request, "telemetry", shapes.PublicTelemetry)
        return await self._show(principal, request, "telemetry")

    async def _change(self, principal: Principal, request: Request, section: str, shape: type[shapes.Closed]) -> None:
        body = await read_object(request)
        wire.check(shape, body)
        await self._management.configs.change(principal, _bot(request), wire.read_sections({section: body}))

    async def _show(self, principal: Principal, request: Request, section: str) -> Response:
        content = await self._management.configs.section(principal, _bot(request), section)
        return http.json_response(wire.show_section(section, content))

    async def _show_gate(self, principal: Principal, request: Request) -> Response:
        configs = self._management.configs
        content = await configs.section(principal, _bot(request), "access_protection")
        (overview,) = await configs.agents(principal, _bot(request), section="access_protection")
        shown = wire.show_section("access_protection", content)
        shown["jwtConfig"] = {**shown["jwtConfig"], "hasSecret": overview.has_jwt_secret}
        shown["keys"] = [_show_gate_key(key) for key in overview.keys if key.purpose == "visitor"]
        return http.json_response(shown)

    async def _show_external(self, principal: Principal, request: Request) -> Response:
        content = await self._management.configs.section(principal, _bot(request), "external_api")
        keys = await self._management.agent_keys.find(principal.organization_id, _bot(request), "external")
        shown = wire.show_section("external_api", content)
        return http.json_response({**shown, "keys": [_show_external_key(key) for key in keys]})

    async def _enter_with(self, request: Request, fields: set[str]) -> dict[str, Any]:
        principal = await self._api.enter(request, _WRITE)
        request.state.principal = principal
        body = await read_object(request)
        if set(body) - fields:
            raise InvalidRequest(f"The body has {' and '.join(sorted(fields))}.")
        return body

    async def _new_key(
        self, request: Request, purpose: AgentKeyPurpose, *, name: object, description: str | None = None
    ) -> tuple[AgentKey, str]:
        if not isinstance(name, str):
            raise InvalidRequest(f"`{'label' if purpose == 'visitor' else 'name'}` is a text.")
        organization_id = request.state.principal.organization_id
        return await self._management.agent_keys.create(
            organization_id, _bot(request), purpose=purpose, name=name, description=description
        )

    async def _revoke(self, request: Request, purpose: AgentKeyPurpose) -> Response:
        principal = await self._api.enter(request, _WRITE)
        key_id = request.path_params["keyId"]
        await self._management.agent_keys.revoke(principal.organization_id, _bot(request), key_id, purpose=purpose)
        return Response(status_code=204)


def _bot(request: Request) -> str:
    return str(request.path_params["chatbotId"])


def _key_state(key: AgentKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "keyPrefix": key.prefix,
        "status": "active" if key.revoked_at is None else "revoked",
        "usageCount": key.usage_count,
        "createdAt": wire.time_text(key.created_at),
        "lastUsedAt": wire.time_text(key.last_used_at),
        "revokedAt": wire.time_text(key.revoked_at),
    }


def _show_gate_key(key: AgentKey) -> dict[str, Any]:
    return {**_key_state(key), "label": key.name}


def _show_external_key(key: AgentKey) -> dict[str, Any]:
    return {**_key_state(key), "name": key.name, "metadata": {"description": key.description}}
