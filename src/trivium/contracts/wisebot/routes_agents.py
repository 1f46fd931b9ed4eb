"""Agents: list, create, look at, change, delete (sections 3.2 and 3.3; the last three are ours)."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import json_response, validate
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify
from trivium.contracts.wisebot.wire_agents import (
    AgentBody,
    AgentPatch,
    ToolBody,
    agent_json,
    budgets_json,
    to_settings,
    to_tool,
    to_values,
)
from trivium.core.errors import Conflict, InvalidRequest, NotFound
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.model.json import JSONObject
from trivium.core.platform import Platform


class AgentRoutes:
    """The agents of the caller's organization."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        router.add("/agents", self.find, methods=["GET"], summary="List agents", tags=["Agents"])
        router.add("/agents", self.create, methods=["POST"], summary="Create an agent", tags=["Agents"])
        path = "/agents/{agent_id}"
        router.add(path, self.get, methods=["GET"], summary="Look at an agent", tags=["Agents"])
        router.add(path, self.change, methods=["PATCH"], summary="Change an agent", tags=["Agents"])
        router.add(path, self.remove, methods=["DELETE"], summary="Delete an agent", tags=["Agents"])

    async def find(self, request: Request) -> Response:
        """Return every agent, oldest first."""
        principal = await identify(self._platform, request)
        agents = await self._platform.agents.find(principal.organization_id)
        return json_response({"agents": [self._shown(agent) for agent in agents if agent.status != "archived"]})

    async def create(self, request: Request) -> Response:
        """Create an agent; documents that its tools name are found before anything is stored."""
        principal = await identify(self._platform, request, role="admin")
        body = validate(AgentBody, await request.json())
        tools = await self._resolved(principal.organization_id, body.tools or [])
        values = {"status": "active", **to_values(body), "tools": tools, "settings": to_settings(body)}
        return json_response(self._shown(await self._platform.desk.agent_writing.create(principal, **values)), 201)

    async def get(self, request: Request, agent_id: str) -> Response:
        """Return one agent, with what is used of its budgets."""
        principal = await identify(self._platform, request)
        agent = await self._platform.agents.get(principal.organization_id, agent_id)
        return json_response(self._shown(agent) | budgets_json(await self._platform.budgets.of_agent(agent)))

    async def change(self, request: Request, agent_id: str) -> Response:
        """Change what is given."""
        principal = await identify(self._platform, request, role="admin")
        body = validate(AgentPatch, await request.json())
        values = to_values(body)
        if body.tools is not None:
            values["tools"] = await self._resolved(principal.organization_id, body.tools)
        changed = await self._platform.desk.agent_writing.change(principal, agent_id, to_settings(body), **values)
        return json_response(self._shown(changed))

    async def remove(self, request: Request, agent_id: str) -> Response:
        """Delete an agent; its conversations stay readable in the inbox."""
        principal = await identify(self._platform, request, role="admin")
        await self._platform.desk.agent_writing.remove(principal, agent_id)
        return Response(status_code=204)

    async def _resolved(self, organization_id: str, bodies: Sequence[ToolBody]) -> tuple[ToolConfig, ...]:
        configs = [await self._config(organization_id, body, number) for number, body in enumerate(bodies)]
        tools = tuple(map(to_tool, bodies, configs))
        for number, tool in enumerate(tools):
            try:
                self._platform.tools.lack(tool)
            except InvalidRequest as error:
                place = f"tools[{number}].config"
                details = {**error.details, "place": place}
                raise InvalidRequest(f"{place}: {error.message}", code=error.code, details=details) from error
        return tools

    def _shown(self, agent: Agent) -> JSONObject:
        return agent_json(agent, self._platform.tools.lack)

    async def _config(self, organization_id: str, body: ToolBody, number: int) -> JSONObject:
        """Return a tool's settings with the document its label names; 400 when there is none, or more than one."""
        place = f"tools[{number}].config"
        if body.type == "knowledge_base":
            label = body.config.get("label")
            if not isinstance(label, str) or not label:
                raise InvalidRequest(f"{place}.label: is needed.", code="invalid_tool", details={"place": place})
            try:
                found = await self._platform.knowledge.resolve(organization_id, label)
            except (NotFound, Conflict) as error:
                message = f"{place}.label: {error.message}"
                raise InvalidRequest(message, code="unknown_label", details={"place": f"{place}.label"}) from error
            return {**body.config, "label": found.document.name, "fileId": found.document.id}
        if body.type == "mcp" and not isinstance(body.config.get("server"), str):
            raise InvalidRequest(f"{place}.server: is needed.", code="invalid_tool", details={"place": place})
        return dict(body.config)
