"""Who is calling, and which agent they mean."""

from dataclasses import dataclass

from starlette.requests import Request

from trivium.contracts.http import bearer_or
from trivium.core.errors import NotAuthenticated
from trivium.core.model.access import CredentialKind, Principal
from trivium.core.platform import Platform

# Section 1: `x-wabee-access` is the documented header, the client's notes speak of the other, Bearer is an alternative.
_KEY_HEADERS = ("x-wabee-access", "x-api-key")
_KINDS: tuple[CredentialKind, ...] = ("wabee", "user")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A caller and the agent the call is for."""

    principal: Principal
    agent_id: str

    @property
    def organization_id(self) -> str:
        """The organization everything in this call belongs to."""
        return self.principal.organization_id


async def identify(platform: Platform, request: Request) -> Caller:
    """Return the caller; 401 without a good credential, 403 when it is for other agents.

    The agent is the one in the path (`/agents/{agent}/core/v1`), else the one the key is for, else the default.
    """
    principal = await known(platform, request)
    agent_id = request.path_params.get("agent")
    if agent_id is None:
        return Caller(principal=principal, agent_id=await platform.agents.default_id(principal))
    platform.access.require(principal, agent_id=agent_id)
    return Caller(principal=principal, agent_id=agent_id)


async def known(platform: Platform, request: Request) -> Principal:
    """Return who is calling, whatever agent is meant."""
    token = bearer_or(request.headers, *_KEY_HEADERS)
    if not token:
        raise NotAuthenticated("An API key is needed in the header x-wabee-access.", code="missing_credential")
    return await platform.access.authenticate(token, kinds=_KINDS)
