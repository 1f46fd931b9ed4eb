"""Who is calling: a dashboard JWT or an organization's key, and which areas want a person (section 1)."""

from starlette.requests import Request

from trivium.contracts.http import bearer_or
from trivium.core.errors import NotAuthenticated, NotPermitted
from trivium.core.model.access import CredentialKind, Principal
from trivium.core.model.organizations import Role
from trivium.core.platform import Platform

_BOTH: tuple[CredentialKind, ...] = ("user", "wisebot")
_PEOPLE: tuple[CredentialKind, ...] = ("user",)


async def identify(platform: Platform, request: Request, *, role: Role | None = None) -> Principal:
    """Return the caller: a JWT or a `wb_live_` key; 401 for everything else.

    `role` is what a person needs; a key stands for its organization and needs none. One that is for some agents only is
    refused (NotPermitted): what is not asked of one agent belongs to all of them.
    """
    principal = await identify_for_agent(platform, request)
    if principal.agent_ids is not None:
        raise NotPermitted("This credential is for some agents only.", code="agent_not_allowed")
    if role is not None and principal.kind == "user":
        platform.access.require(principal, role=role)
    return principal


async def identify_for_agent(platform: Platform, request: Request) -> Principal:
    """Return the caller as `identify` does, for operations that check which agent the caller may use."""
    return await platform.access.authenticate(_token(request), kinds=_BOTH)


async def identify_person(platform: Platform, request: Request, *, role: Role | None = None) -> Principal:
    """Return the person who is calling; a valid key is answered 401 here, which is unusual, but stated."""
    token = _token(request)
    if token.startswith("wb_live_"):
        raise NotAuthenticated("This endpoint needs a dashboard JWT.", code="jwt_required")
    principal = await platform.access.authenticate(token, kinds=_PEOPLE)
    if role is not None:
        platform.access.require(principal, role=role)
    return principal


def _token(request: Request) -> str:
    token = bearer_or(request.headers)
    if not token:
        raise NotAuthenticated("A Bearer token is needed: a dashboard JWT or an API key.", code="missing_credential")
    return token
