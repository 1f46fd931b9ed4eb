"""Machines that ask to be signed in, until a person has answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from trivium.core.model.organizations import Role

DeviceStatus = Literal["pending", "approved", "denied", "claimed"]


@dataclass(frozen=True, kw_only=True)
class DeviceRequest:
    """A machine's wish to act for somebody; both codes are kept as hashes only.

    `program` and `name` are what the machine says of itself, `source` is the address it asked from. `organization_id`,
    `user_id` and the final `role` come from the person who approves; until then `role` is the most that is asked for
    (None: all that the person may do). Once claimed, `key_id` is what it was given.
    """

    id: str
    code_hash: str
    user_code_hash: str
    program: str
    name: str
    source: str
    created_at: datetime
    expires_at: datetime
    interval_s: int
    status: DeviceStatus = "pending"
    role: Role | None = None
    organization_id: str | None = None
    user_id: str | None = None
    polled_at: datetime | None = None
    key_id: str | None = None
