"""What the agent is and whether it is well (sections 3.4 and 3.5)."""

import time

from starlette.requests import Request
from starlette.responses import Response

from trivium import __version__
from trivium.contracts.http import bearer_or, json_response
from trivium.contracts.routing import Router
from trivium.contracts.wabee.caller import identify
from trivium.core.errors import CoreError
from trivium.core.model.agents import Agent
from trivium.core.platform import Platform


class AgentRoutes:
    """Description and health."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._started_at = time.monotonic()

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        router.add("/metadata", self.metadata, methods=["GET"], tags=["Agent"], summary="Describe the agent")
        router.add("/health", self.health, methods=["GET"], tags=["Agent"], summary="Tell whether all is well")

    async def metadata(self, request: Request) -> Response:
        """Return name, description, free metadata, version and the names of the agent's tools."""
        caller = await identify(self._platform, request)
        agent = await self._platform.agents.get(caller.organization_id, caller.agent_id)
        specs = await self._platform.tools.specs(agent)
        return json_response(
            {
                "name": agent.name,
                "description": agent.description,
                "metadata": _metadata_of(agent),
                "version": __version__,
                "tools": [spec.name for spec in specs],
            }
        )

    async def health(self, request: Request) -> Response:
        """Return the state of the server; without a credential nothing but that (open point 11)."""
        checks = await self._checks()
        is_healthy = all(state == "ok" for state in checks.values())
        answer: dict[str, object] = {"status": "healthy" if is_healthy else "unhealthy"}
        if bearer_or(request.headers, "x-wabee-access", "x-api-key"):
            await identify(self._platform, request)
            uptime_s = round(time.monotonic() - self._started_at, 3)
            answer |= {"version": __version__, "uptime_seconds": uptime_s, "checks": checks}
        return json_response(answer, 200 if is_healthy else 503)

    async def _checks(self) -> dict[str, str]:
        try:
            await self._platform.store.read(lambda tx: tx.organizations.first("", id=""))
        except (CoreError, OSError):
            return {"database": "failed"}
        return {"database": "ok", "runs": "stopping" if self._platform.run_driver.is_closing else "ok"}


def _metadata_of(agent: Agent) -> dict[str, object]:
    given = agent.settings.get("metadata")
    return {"agent_id": agent.id, "model": agent.model, **(given if isinstance(given, dict) else {})}
