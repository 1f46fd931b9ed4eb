"""Answers about signing in."""

from datetime import datetime

from trivium_client._model import CamelAnswer, CamelModel, TracedAnswer


class DeviceCodes(TracedAnswer):
    """The codes of a machine that asks to be signed in; times are in seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int = 5


class DeviceToken(TracedAnswer):
    """A device's key, shown this once; good for all three contracts. `scope` is its role."""

    access_token: str
    expires_in: int | None = None
    scope: str | None = None
    key_id: str | None = None
    email: str | None = None
    organization_id: str | None = None
    organization: str | None = None


class DeviceRequest(CamelAnswer):
    """A machine that asks, as it is shown to whoever answers."""

    program: str
    device: str
    source: str | None = None
    status: str
    role: str | None = None
    organization_id: str | None = None
    created_at: datetime | None = None
    expires_at: datetime | None = None


class Organization(CamelModel):
    """An organization, by id and name."""

    id: str
    name: str


class Me(CamelAnswer):
    """Who a credential stands for; `kind` is `token`, `device`, `wisebot`, `wizchat` or `wabee`."""

    kind: str
    name: str = ""
    email: str | None = None
    role: str | None = None
    scopes: list[str] = []
    organization: Organization
    agent_ids: list[str] | None = None
    key_id: str | None = None
    device: str | None = None
    expires_at: datetime | None = None


class LoggedOut(CamelAnswer):
    """Whether a key was revoked."""

    revoked: bool = False
