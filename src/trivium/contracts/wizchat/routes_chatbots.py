"""Chatbots as resources: list, get, make, change, delete."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import http
from trivium.contracts.wizchat import shapes, wire
from trivium.contracts.wizchat.api import PAGING, Api, page, read_object
from trivium.core.errors import InvalidRequest
from trivium.core.model.access import Principal
from trivium.core.platform import Overview

_READ_ONLY = {"id", "createdAt", "updatedAt", "authConfig", "externalApiConfig", "accessProtection", "byokConfig"}


class ChatbotRoutes:
    """The routes of chatbots."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._configs = api.platform.management.configs
        bot: dict[str, Any] = {"answer": shapes.PublicChatbot, "wrapper": "chatbot"}
        api.add(
            "GET",
            "/chatbots",
            self.list_all,
            scope="chatbots:read",
            mark="contract",
            answer=shapes.PublicChatbot,
            wrapper="chatbots",
            is_list=True,
            query=PAGING,
        )
        api.add("POST", "/chatbots", self.create, scope="chatbots:write", status=201, **bot)
        api.add("GET", "/chatbots/{chatbotId}", self.get, scope="chatbots:read", mark="contract", **bot)
        api.add("PATCH", "/chatbots/{chatbotId}", self.change, scope="chatbots:write", **bot)
        api.add("DELETE", "/chatbots/{chatbotId}", self.delete, scope="chatbots:write", status=204)

    async def list_all(self, request: Request) -> Response:
        """List the chatbots this key may see."""
        principal = await self._api.enter(request, "chatbots:read", query=PAGING)
        return page(request, [_show(one) for one in await self._configs.agents(principal)], "chatbots")

    async def get(self, request: Request) -> Response:
        """Get a chatbot."""
        principal = await self._api.enter(request, "chatbots:read")
        return await self._answer(principal, request.path_params["chatbotId"])

    async def create(self, request: Request) -> Response:
        """Make a chatbot."""
        principal = await self._api.enter(request, "chatbots:write")
        fields = _core_fields(await read_object(request), is_new=True)
        agent = await self._configs.create(principal, wire.read_sections({"core": fields}))
        return await self._answer(principal, agent.id, status=201)

    async def change(self, request: Request) -> Response:
        """Change core fields of a chatbot; what is left out stays."""
        principal = await self._api.enter(request, "chatbots:write")
        fields = _core_fields(await read_object(request))
        agent_id = request.path_params["chatbotId"]
        await self._configs.change(principal, agent_id, wire.read_sections({"core": fields}))
        return await self._answer(principal, agent_id)

    async def delete(self, request: Request) -> Response:
        """Delete a chatbot with its configuration."""
        principal = await self._api.enter(request, "chatbots:write")
        await self._configs.delete(principal, request.path_params["chatbotId"])
        return Response(status_code=204)

    async def _answer(self, principal: Principal, agent_id: str, *, status: int = 200) -> Response:
        (overview,) = await self._configs.agents(principal, agent_id, is_after_write=True)
        headers = {"ETag": wire.etag(overview.agent.version)}
        return http.json_response({"chatbot": _show(overview)}, status, headers)


def _core_fields(body: dict[str, Any], *, is_new: bool = False) -> dict[str, Any]:
    fields = dict(body)
    if is_new:
        # Accepted and without effect: a server of one's own has one place for its data.
        region = fields.pop("dataRegion", None)
        if region not in (None, "EU", "US"):
            raise http.invalid_fields([{"field": "dataRegion", "message": "EU or US is expected.", "type": "enum"}])
    refused = sorted(_READ_ONLY & set(fields))
    if refused:
        raise http.invalid_fields(
            [{"field": name, "message": "This cannot be set here.", "type": "read_only"} for name in refused]
        )
    if is_new and not isinstance(fields.get("name"), str):
        raise InvalidRequest("A chatbot needs a name.", details={"section": "agent", "field": "name"})
    return fields


def _show(overview: Overview) -> dict[str, Any]:
    agent, people = overview.agent, overview.access_list
    core = wire.show_section("agent", overview.sections["agent"])
    external = wire.show_section("external_api", overview.sections["external_api"])
    protection = wire.show_section("access_protection", overview.sections["access_protection"])
    jwt = protection.pop("jwtConfig")
    keys = [
        {"id": key.id, "name": key.name, "keyPrefix": key.prefix, "status": "revoked" if key.revoked_at else "active"}
        for key in overview.keys
        if key.purpose == "external"
    ]
    gates = [
        {"id": key.id, "label": key.name, "keyPrefix": key.prefix, "status": "revoked" if key.revoked_at else "active"}
        for key in overview.keys
        if key.purpose == "visitor"
    ]
    return {
        "id": agent.id,
        **core,
        "createdAt": wire.time_text(agent.created_at),
        "updatedAt": wire.time_text(agent.updated_at),
        "embedConfig": {"allowedDomains": [*people.embed_domains]},
        "authConfig": {
            "authorizedEmailCount": len(people.emails),
            "authorizedDomainCount": len(people.email_domains),
            "invitedUserCount": 0,
        },
        "externalApiConfig": {**external, "keys": keys},
        "accessProtection": {
            **protection,
            "keys": gates,
            "jwtConfig": {**jwt, "hasSecret": overview.has_jwt_secret},
        },
        "byokConfig": {"enabled": overview.has_model_accounts, "hasProviders": overview.has_model_accounts},
    }
