# Written by `make generate` from ../_async/wisebot.py; edits here are lost.
"""The Wisebot API: agents, visitor chat, workflows and what belongs to them."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import httpx2

from trivium_client._generated.client import Client
from trivium_client._generated.sign_in import SignIn
from trivium_client._generated.transport import Transport
from trivium_client._generated.wisebot_admin import Admin, Playground
from trivium_client._generated.wisebot_chat import Chat, Inbox
from trivium_client._generated.wisebot_resources import (
    Agents,
    Bookings,
    Knowledge,
    Runs,
    V1,
    Workflows,
)
from trivium_client._generated.workflow_config import WorkflowConfig
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


class Wisebot(Client):
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
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        token = needed(first_of(api_key, *TOKEN_VARIABLES), "api_key", *TOKEN_VARIABLES)
        address = first_of(base_url, "WISEBOTAI_BASE_URL", "TRIVIUM_URL") or LOCAL_ADDRESS
        self._has_key = auth_mode == "api_key" or (auth_mode == "auto" and token.startswith(KEY_PREFIX))
        super().__init__(
            Transport(
                base_url=origin_of(address),
                headers={"authorization": f"Bearer {token}"},
                options=Options(timeout=timeout, max_retries=max_retries, headers=headers or {}),
                transport=transport,
            )
        )
        self._wire()

    def _wire(self) -> None:
        self.v1 = V1(self._transport)
        self.agents = Agents(self._transport)
        self.chat = Chat(self._transport)
        self.inbox = Inbox(self._transport)
        self.knowledge = Knowledge(self._transport)
        self.workflows = Workflows(self._transport)
        self.runs = Runs(self._transport)
        self.bookings = Bookings(self._transport)
        self.workflow_config = WorkflowConfig(self._transport)
        self.sign_in = SignIn(self._transport)
        self._admin = Admin(self._transport)
        self._playground = Playground(self._transport)

    @property
    def admin(self) -> Admin:
        """Return keys and webhooks; needs a dashboard token."""
        self._refuse_key("admin")
        return self._admin

    @property
    def playground(self) -> Playground:
        """Return the playground; needs a dashboard token."""
        self._refuse_key("playground")
        return self._playground

    def login(
        self, email: str, password: str, *, device: str | None = None, organization_id: str | None = None
    ) -> Token:
        """Return a dashboard token; use it as `api_key` of another client.

        With the name of a device it is a key that lasts, is listed, and is good for all three contracts.
        """
        given = {"email": email, "password": password, "device": device, "organizationId": organization_id}
        body = {key: value for key, value in given.items() if value is not None}
        return self._transport.fetch(Token, Call(method="POST", path="/api/auth/login", body=body))

    def logout(self) -> LoggedOut:
        """Revoke this client's own key, if it is a device's; a token ends by itself, other keys stay."""
        return self._transport.fetch(LoggedOut, Call(method="POST", path="/api/auth/logout"))

    def me(self) -> Me:
        """Return who this client's key or token stands for, and until when."""
        return self._transport.fetch(Me, Call(method="GET", path="/api/v1/me"))

    def openapi(self) -> JsonObject:
        """Return the OpenAPI document of the Wisebot and Wabee APIs."""
        return (self._transport.send(Call(method="GET", path="/openapi.json"))).json()

    def _refuse_key(self, area: str) -> None:
        if self._has_key:
            raise MissingConfiguration(f"{area} needs a dashboard token; a {KEY_PREFIX}… key cannot be used there")


def trigger_workflow(
    origin: str | None,
    secret: str | None,
    workflow_id: str,
    inputs: JsonInput | None = None,
    *,
    wait: bool = True,
    timeout: float = TRIGGER_TIMEOUT_S,
    max_retries: int = 2,
    transport: httpx2.BaseTransport | None = None,
) -> RawResponse:
    """Start a workflow by its own secret, the way a foreign system does. Its inputs are the body, flat.

    Origin and secret are read from the environment when they are None. With `wait` false the answer comes at once.
    """
    address = needed(first_of(origin, *ORIGIN_VARIABLES), "origin", *ORIGIN_VARIABLES)
    key = needed(first_of(secret, "WISEBOT_WORKFLOW_SECRET"), "secret", "WISEBOT_WORKFLOW_SECRET")
    sender = Transport(
        base_url=origin_of(address),
        headers={"authorization": f"Bearer {key}"},
        options=Options(timeout=timeout, max_retries=max_retries),
        transport=transport,
    )
    params: dict[str, str | int | bool | None] = {"workflowId": workflow_id}
    if not wait:
        params["wait"] = False
    try:
        return sender.send(Call(method="POST", path="/workflows/trigger", params=params, body={**(inputs or {})}))
    finally:
        sender.close()
