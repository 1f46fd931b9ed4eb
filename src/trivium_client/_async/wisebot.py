"""The Wisebot API: agents, visitor chat, workflows and what belongs to them."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import httpx2

from trivium_client._async.client import AsyncClient
from trivium_client._async.sign_in import AsyncSignIn
from trivium_client._async.transport import AsyncTransport
from trivium_client._async.wisebot_admin import AsyncAdmin, AsyncPlayground
from trivium_client._async.wisebot_chat import AsyncChat, AsyncInbox
from trivium_client._async.wisebot_resources import (
    AsyncAgents,
    AsyncBookings,
    AsyncKnowledge,
    AsyncRuns,
    AsyncV1,
    AsyncWorkflows,
)
from trivium_client._async.workflow_config import AsyncWorkflowConfig
from trivium_client._call import LOCAL_ADDRESS, Call, Options, RawResponse, first_of, needed, origin_of
from trivium_client._errors import MissingConfiguration
from trivium_client._json import JsonInput, JsonObject
from trivium_client.models.sign_in import LoggedOut, Me
from trivium_client.models.wisebot import Token

AuthMode: TypeAlias = Literal["auto", "jwt", "api_key"]
KEY_PREFIX = "wb_live_"
TRIGGER_TIMEOUT_S = 120.0
TOKEN_VARIABLES = ("WISEBOTAI_API_KEY", "WISE_KEY", "WISEBOT_ACCESS_TOKEN")
ORIGIN_VARIABLES = ("WISEBOT_WORKFLOW_TRIGGER_ORIGIN", "WISEBOT_CONVEX_SITE", "CONVEX_SITE_URL")


class AsyncWisebot(AsyncClient):
    """Talks to the Wisebot API with a dashboard token or a `wb_live_…` key.

    The token is read from `WISEBOTAI_API_KEY`, `WISE_KEY` or `WISEBOT_ACCESS_TOKEN`, the address from
    `WISEBOTAI_BASE_URL`, else `TRIVIUM_URL`, else it is this machine's port 8080. `auth_mode` says which of the two
    the token is; `auto` tells by its prefix. With a key, calls that need a token are refused before they are sent.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        auth_mode: AuthMode = "auto",
        timeout: float = 60.0,
        max_retries: int = 2,
        headers: Mapping[str, str] | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        token = needed(first_of(api_key, *TOKEN_VARIABLES), "api_key", *TOKEN_VARIABLES)
        address = first_of(base_url, "WISEBOTAI_BASE_URL", "TRIVIUM_URL") or LOCAL_ADDRESS
        self._has_key = auth_mode == "api_key" or (auth_mode == "auto" and token.startswith(KEY_PREFIX))
        super().__init__(
            AsyncTransport(
                base_url=origin_of(address),
                headers={"authorization": f"Bearer {token}"},
                options=Options(timeout=timeout, max_retries=max_retries, headers=headers or {}),
                transport=transport,
            )
        )
        self._wire()

    def _wire(self) -> None:
        self.v1 = AsyncV1(self._transport)
        self.agents = AsyncAgents(self._transport)
        self.chat = AsyncChat(self._transport)
        self.inbox = AsyncInbox(self._transport)
        self.knowledge = AsyncKnowledge(self._transport)
        self.workflows = AsyncWorkflows(self._transport)
        self.runs = AsyncRuns(self._transport)
        self.bookings = AsyncBookings(self._transport)
        self.workflow_config = AsyncWorkflowConfig(self._transport)
        self.sign_in = AsyncSignIn(self._transport)
        self._admin = AsyncAdmin(self._transport)
        self._playground = AsyncPlayground(self._transport)

    @property
    def admin(self) -> AsyncAdmin:
        """Return keys and webhooks; needs a dashboard token."""
        self._refuse_key("admin")
        return self._admin

    @property
    def playground(self) -> AsyncPlayground:
        """Return the playground; needs a dashboard token."""
        self._refuse_key("playground")
        return self._playground

    async def login(
        self, email: str, password: str, *, device: str | None = None, organization_id: str | None = None
    ) -> Token:
        """Return a dashboard token; use it as `api_key` of another client.

        With the name of a device it is a key that lasts, is listed, and is good for all three contracts.
        """
        given = {"email": email, "password": password, "device": device, "organizationId": organization_id}
        body = {key: value for key, value in given.items() if value is not None}
        return await self._transport.fetch(Token, Call(method="POST", path="/api/auth/login", body=body))

    async def logout(self) -> LoggedOut:
        """Revoke this client's own key, if it is a device's; a token ends by itself, other keys stay."""
        return await self._transport.fetch(LoggedOut, Call(method="POST", path="/api/auth/logout"))

    async def me(self) -> Me:
        """Return who this client's key or token stands for, and until when."""
        return await self._transport.fetch(Me, Call(method="GET", path="/api/v1/me"))

    async def openapi(self) -> JsonObject:
        """Return the OpenAPI document of the Wisebot and Wabee APIs."""
        return (await self._transport.send(Call(method="GET", path="/openapi.json"))).json()

    def _refuse_key(self, area: str) -> None:
        if self._has_key:
            raise MissingConfiguration(f"{area} needs a dashboard token; a {KEY_PREFIX}… key cannot be used there")


async def trigger_workflow_async(
    origin: str | None,
    secret: str | None,
    workflow_id: str,
    inputs: JsonInput | None = None,
    *,
    wait: bool = True,
    timeout: float = TRIGGER_TIMEOUT_S,
    max_retries: int = 2,
    transport: httpx2.AsyncBaseTransport | None = None,
) -> RawResponse:
    """Start a workflow by its own secret, the way a foreign system does. Its inputs are the body, flat.

    Origin and secret are read from the environment when they are None. With `wait` false the answer comes at once.
    """
    address = needed(first_of(origin, *ORIGIN_VARIABLES), "origin", *ORIGIN_VARIABLES)
    key = needed(first_of(secret, "WISEBOT_WORKFLOW_SECRET"), "secret", "WISEBOT_WORKFLOW_SECRET")
    sender = AsyncTransport(
        base_url=origin_of(address),
        headers={"authorization": f"Bearer {key}"},
        options=Options(timeout=timeout, max_retries=max_retries),
        transport=transport,
    )
    params: dict[str, str | int | bool | None] = {"workflowId": workflow_id}
    if not wait:
        params["wait"] = False
    try:
        return await sender.send(Call(method="POST", path="/workflows/trigger", params=params, body={**(inputs or {})}))
    finally:
        await sender.close()
