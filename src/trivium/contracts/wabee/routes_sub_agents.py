"""Helpers of the agent (section 5); reading one and deleting one are ours."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictStr
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import json_response, validate
from trivium.contracts.routing import Router
from trivium.contracts.wabee.caller import identify
from trivium.contracts.wabee.wire_sessions import to_time
from trivium.core.errors import InvalidRequest
from trivium.core.model.agents import Agent, SubAgent
from trivium.core.platform import Platform

_TOOLS_MAX = 128


class SubAgentBody(BaseModel):
    """A sub-agent to be made."""

    model_config = ConfigDict(extra="ignore")
    name: Annotated[StrictStr, Field(min_length=1, max_length=200)]
    description: Annotated[StrictStr, Field(max_length=10_000)]
    objective: Annotated[StrictStr, Field(max_length=50_000)]
    tools: Annotated[list[StrictStr], Field(max_length=_TOOLS_MAX)] | None = None
    workflow_type: Literal["react", "hierarchical"] | None = "react"


class SubAgentRoutes:
    """`/chain/sub_agents`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        add, path, tags = router.add, "/chain/sub_agents", ["Sub-Agents"]
        add(
            path,
            self.create,
            methods=["POST"],
            tags=[*tags],
            summary="Make a sub-agent",
        )
        add(path, self.find, methods=["GET"], tags=[*tags], summary="List sub-agents")
        add(path + "/{sub_agent_id}", self.get, methods=["GET"], tags=[*tags], summary="Read a sub-agent (ours)")
        add(
            path + "/{sub_agent_id}", self.delete, methods=["DELETE"], tags=[*tags], summary="Delete a sub-agent (ours)"
        )

    async def create(self, request: Request) -> Response:
        """Make a sub-agent that may use some of the agent's tools."""
        agent = await self._agent(request)
        body = validate(SubAgentBody, await request.json())
        tools = body.tools or []
        if tools:
            known = {spec.name for spec in await self._platform.tools.specs(agent)}
            unknown = [name for name in tools if name not in known]
            if unknown:
                message = f"tools: the agent has no tool {unknown[0][:100]!r}."
                raise InvalidRequest(message, code="unknown_tool", details={"field": "tools"})
        made = await self._platform.sub_agents.create(
            agent,
            name=body.name,
            description=body.description,
            objective=body.objective,
            tools=tools,
            workflow_type=body.workflow_type or "react",
        )
        return json_response({"sub_agent_id": made.id, "sub_agent_info": _to_info(made)}, 201)

    async def find(self, request: Request) -> Response:
        """Return the agent's sub-agents, oldest first."""
        found = await self._platform.sub_agents.find(await self._agent(request))
        return json_response({"sub_agents": [_to_info(one) for one in found]})

    async def get(self, request: Request, sub_agent_id: str) -> Response:
        """Return one sub-agent."""
        found = await self._platform.sub_agents.get(await self._agent(request), sub_agent_id)
        return json_response({"sub_agent_id": found.id, "sub_agent_info": _to_info(found)})

    async def delete(self, request: Request, sub_agent_id: str) -> Response:
        """Delete a sub-agent."""
        await self._platform.sub_agents.delete(await self._agent(request), sub_agent_id)
        return Response(status_code=204)

    async def _agent(self, request: Request) -> Agent:
        caller = await identify(self._platform, request)
        return await self._platform.agents.get(caller.organization_id, caller.agent_id)


def _to_info(sub_agent: SubAgent) -> dict[str, object]:
    return {
        "id": sub_agent.id,
        "name": sub_agent.name,
        "description": sub_agent.description,
        "status": "ready",
        "created_at": to_time(sub_agent.created_at),
        "last_active": to_time(sub_agent.last_active_at),
    }
