"""Stored organizations, people, keys, and who agents are open to."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from trivium.core.model.access import ApiKey
from trivium.core.model.devices import DeviceRequest
from trivium.core.model.organizations import Membership, Organization, User
from trivium.core.model.protection import AccessList
from trivium.core.ports.records import Records


class Organizations(Records[Organization], Protocol):
    """Organizations; here `organization_id` and `record_id` are the same id."""

    def all(self, *, limit: int = 1000) -> list[Organization]:
        """Return every organization, oldest first: for the operator only."""


class Users(Protocol):
    """People; the only record that belongs to no organization."""

    def add(self, user: User) -> None: ...

    def by_email(self, email: str) -> User | None: ...

    def by_id(self, user_id: str) -> User | None: ...

    def put(self, user: User) -> None:
        """Replace the stored user with the same id, or raise NotFound."""

    def memberships(self, user_id: str) -> list[Membership]: ...

    def emails(self, organization_id: str) -> dict[str, str]:
        """Return the addresses of an organization's people by their ids."""


class Keys(Records[ApiKey], Protocol):
    """API keys, found by the hash of the secret before the organization is known."""

    def by_hash(self, secret_hash: str) -> ApiKey | None: ...

    def by_id(self, key_id: str) -> ApiKey | None:
        """Return a key of any organization: for the operator only."""

    def all(self, *, limit: int = 1000) -> list[ApiKey]:
        """Return the keys of every organization, oldest first: for the operator only."""

    def touch(self, key_ids: Sequence[str], at: datetime) -> None:
        """Note that these keys were used."""

    def revoke_of_user(self, user_id: str, at: datetime) -> None:
        """End all that stand for this person, in every organization."""


class DeviceRequests(Protocol):
    """Requests of machines to be signed in; they belong to no organization until somebody approves."""

    def add(self, request: DeviceRequest) -> None:
        """Insert; Conflict when a code is taken."""

    def put(self, request: DeviceRequest) -> None:
        """Replace the stored request with the same id, or raise NotFound."""

    def by_id(self, request_id: str) -> DeviceRequest | None: ...

    def by_code(self, code_hash: str) -> DeviceRequest | None: ...

    def by_user_code(self, user_code_hash: str) -> DeviceRequest | None: ...

    def open_count(self, now: datetime, *, source: str | None = None) -> int:
        """Return how many wait for an answer; of one source, if it is named."""

    def forget(self, before: datetime) -> None:
        """Delete those that expired before."""


class AccessLists(Records[AccessList], Protocol):
    """Who agents are open to; what browsers may embed is asked before any organization is known."""

    def sites(self, *, limit: int = 10_000) -> frozenset[str]:
        """Return the sites that some agent, of any organization, may be embedded in."""
