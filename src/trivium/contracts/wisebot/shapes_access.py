"""Keys, tokens and devices, for the description: imported only when somebody asks for it."""

from typing import Literal

from trivium.contracts.openapi import Shape
from trivium.contracts.wisebot.routes_device import AskBody, DecisionBody, PollBody
from trivium.contracts.wisebot.shapes import Answer, Time
from trivium.core.model.access import KeyKind
from trivium.core.model.devices import DeviceStatus
from trivium.core.model.organizations import Role


class ApiKey(Answer):
    """A key of the organization, without its secret. From `kind` on only where a `kind` was asked for."""

    id: str
    name: str
    prefix: str
    last_four: str
    created_at: Time
    last_used_at: Time | None
    revoked_at: Time | None
    kind: KeyKind | None = None
    expires_at: Time | None = None
    user_id: str | None = None
    email: str | None = None
    role: Role | None = None
    agent_ids: list[str] | None = None


class ApiKeyCreated(ApiKey):
    """A new key; `key` is shown this once."""

    key: str


class ApiKeyList(Answer):
    """The organization's keys."""

    keys: list[ApiKey]


class Token(Answer):
    """A dashboard token, or the key of a device with its `key_id`."""

    token: str
    expires_at: Time
    organization_id: str
    role: Role
    key_id: str | None = None


class DeviceCodes(Shape):
    """The codes of a sign-in: a person opens the address, the program asks again every `interval` seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class DeviceToken(Shape):
    """A device's key as an access token, for so many seconds; `scope` is the role that it has."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: Role
    key_id: str
    email: str
    organization_id: str
    organization: str


class DeviceError(Shape):
    """Why there is no key (RFC 6749, 5.2); `authorization_pending` and `slow_down` are told again and again."""

    error: str
    error_description: str


class DeviceRequest(Answer):
    """A machine that asks to be signed in, as it says of itself."""

    program: str
    device: str
    source: str
    status: DeviceStatus
    role: Role | None
    organization_id: str | None
    created_at: Time
    expires_at: Time


class Organization(Answer):
    """The organization a credential is for."""

    id: str
    name: str


class Me(Answer):
    """Who is calling: the kind of the credential, whom it stands for, what it may do and until when."""

    kind: KeyKind | Literal["token"]
    name: str
    email: str | None
    role: Role | None
    scopes: list[str]
    organization: Organization
    agent_ids: list[str] | None
    key_id: str | None
    device: str | None
    expires_at: Time | None


class LoggedOut(Answer):
    """Whether the caller's own key was revoked."""

    revoked: bool


class DeviceAskBody(AskBody):
    """What a machine says of itself; `scope` is the most it wants to be."""


class DevicePollBody(PollBody):
    """A machine that wants its key."""


class DeviceDecisionBody(DecisionBody):
    """What a person answers."""
