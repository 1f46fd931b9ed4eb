"""The agent's tools: list them, run one outside of a conversation (section 4)."""

import time
from typing import Any

from pydantic import BaseModel, ConfigDict, StrictStr
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import json_response, validate
from trivium.contracts.routing import Router
from trivium.contracts.wabee.caller import identify
from trivium.contracts.wabee.wire import tool_headers
from trivium.contracts.wabee.wire_stream import as_text
from trivium.core.errors import InvalidRequest, NotFound, NotPermitted
from trivium.core.model.agents import ToolSpec
from trivium.core.model.ids import new_id
from trivium.core.platform import Platform, ToolContext

# The vendor's Go client decodes a bare array and fails on the documented object.
_GO_CLIENT = "Go-http-client"


class ExecuteBody(BaseModel):
    """A tool to run and its input."""

    model_config = ConfigDict(extra="ignore")
    tool_name: StrictStr
    tool_input: dict[str, Any]
    session_id: StrictStr | None = None


class ToolRoutes:
    """`/tools` and `/tool/execute`."""

    def __init__(self, platform: Platform, *, go_client_gets_list: bool = True) -> None:
        self._platform = platform
        self._go_client_gets_list = go_client_gets_list

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        router.add("/tools", self.find, methods=["GET"], tags=["Tool"], summary="List the agent's tools")
        for path in ("/tool/execute", "/tools/execute"):
            router.add(
                path,
                self.execute,
                methods=["POST"],
                tags=["Tool"],
                summary="Run one tool",
            )

    async def find(self, request: Request) -> Response:
        """Return the tools: `{"tools": […]}`, or a bare array with `?format=list` and for the Go client."""
        caller = await identify(self._platform, request)
        agent = await self._platform.agents.get(caller.organization_id, caller.agent_id)
        tools = [_to_tool(spec) for spec in await self._platform.tools.specs(agent)]
        is_go = self._go_client_gets_list and request.headers.get("user-agent", "").startswith(_GO_CLIENT)
        wants_list = request.query_params.get("format") == "list" or is_go
        return json_response(tools if wants_list else {"tools": tools}, headers={"Vary": "User-Agent"})

    async def execute(self, request: Request) -> Response:
        """Run a tool; one that fails is a 200 with `status` "error"."""
        caller = await identify(self._platform, request)
        body = validate(ExecuteBody, await request.json())
        agent = await self._platform.agents.get(caller.organization_id, caller.agent_id)
        specs = {spec.name: spec for spec in await self._platform.tools.specs(agent)}
        self._check(specs, body)
        context = ToolContext(
            organization_id=caller.organization_id,
            agent=agent,
            conversation_id=body.session_id or request.headers.get("session-id", ""),
            run_id=request.state.request_id,
            call_id=new_id("call"),
            headers=tool_headers(request.headers.items()),
        )
        began = time.perf_counter()
        result = await self._platform.tools.call(body.tool_name, body.tool_input, context)
        return json_response(
            {
                "tool_name": body.tool_name,
                "output": result.output,
                "execution_time": round(time.perf_counter() - began, 6),
                "status": "error" if result.is_error else "success",
                "error": as_text(result.output) if result.is_error else None,
            }
        )

    def _check(self, specs: dict[str, ToolSpec], body: ExecuteBody) -> None:
        spec = specs.get(body.tool_name)
        if spec is None:
            raise NotFound("tool", body.tool_name[:100])
        if spec.requires_approval:
            raise NotPermitted(f"Calls of {spec.name!r} need a person's approval.", code="approval_required")
        problem = self._platform.tools.input_problem(spec, body.tool_input)
        if problem is not None:
            raise InvalidRequest(f"tool_input: {problem}", code="invalid_tool_input", details={"field": "tool_input"})


def _to_tool(spec: ToolSpec) -> dict[str, object]:
    return {
        "name": spec.name,
        "description": spec.description,
        "status": "ready",
        "schema": spec.input_schema,
        "parameters": spec.input_schema,
    }
