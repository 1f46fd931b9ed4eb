"""Secrets that an agent's custom tools name: written, listed by name, deleted; never shown (ours, see section 6)."""

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import json_response, validate
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify
from trivium.contracts.wisebot.names import time_text
from trivium.core.errors import NotFound
from trivium.core.model.json import JSONObject
from trivium.core.model.protection import AgentSecret
from trivium.core.platform import Platform


class SecretBody(BaseModel):
    """The value of a secret."""

    model_config = ConfigDict(extra="forbid")

    value: str = Field(min_length=1, max_length=16_384)


class SecretRoutes:
    """The secrets of one agent's tools."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._secrets = platform.management.secrets

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        every = "/agents/{agent_id}/secrets"
        one = every + "/{name}"
        router.add(every, self.find, methods=["GET"], summary="List the secrets of custom tools", tags=["Agents"])
        router.add(one, self.put, methods=["PUT"], summary="Write a secret of custom tools", tags=["Agents"])
        router.add(one, self.remove, methods=["DELETE"], summary="Delete a secret of custom tools", tags=["Agents"])

    async def find(self, request: Request, agent_id: str) -> Response:
        """Return names and fingerprints; a fingerprint changes with the value and tells nothing about it."""
        principal = await identify(self._platform, request, role="admin")
        found = await self._secrets.tool_secrets(principal, agent_id)
        return json_response({"secrets": [secret_json(one) for one in found]})

    async def put(self, request: Request, agent_id: str, name: str) -> Response:
        """Write a secret; a custom tool names it in `auth.secret`."""
        principal = await identify(self._platform, request, role="admin")
        body = validate(SecretBody, await request.json())
        kept = await self._secrets.put_tool_secret(principal, agent_id, name, body.value)
        if kept is None:
            raise NotFound("secret", name)
        return json_response(secret_json(kept))

    async def remove(self, request: Request, agent_id: str, name: str) -> Response:
        """Delete a secret; tools that name it fail from now on."""
        principal = await identify(self._platform, request, role="admin")
        await self._secrets.put_tool_secret(principal, agent_id, name, None)
        return Response(status_code=204)


def secret_json(secret: AgentSecret) -> JSONObject:
    """Return what may be shown of a secret."""
    return {"name": secret.name, "fingerprint": secret.fingerprint, "updatedAt": time_text(secret.updated_at)}
