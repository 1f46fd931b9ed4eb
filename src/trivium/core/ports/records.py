"""What every kind of stored record can do."""

from datetime import datetime
from typing import Protocol, TypeVar

T = TypeVar("T")
Scalar = str | int | float | bool | datetime | None


class Records(Protocol[T]):
    """The stored records of one kind. Every call names the organization; nothing crosses it."""

    def add(self, *records: T) -> None:
        """Insert; Conflict when a unique rule is broken."""

    def get(self, organization_id: str, record_id: str) -> T:
        """Return it, or raise NotFound."""

    def find(
        self,
        organization_id: str,
        *,
        limit: int = 1000,
        newest_first: bool = False,
        before: str | None = None,
        **equals: Scalar,
    ) -> list[T]:
        """Return those whose fields equal the given values, in order of creation; `before`/`limit` page by id."""

    def first(self, organization_id: str, **equals: Scalar) -> T | None:
        """Return the oldest that matches, or None."""

    def count(self, organization_id: str, **equals: Scalar) -> int:
        """Return how many match."""

    def put(self, record: T) -> None:
        """Replace the stored record with the same id, or raise NotFound."""

    def remove(self, organization_id: str, record_id: str) -> bool:
        """Delete; False when it was not there."""

    def remove_where(self, organization_id: str, **equals: Scalar) -> int:
        """Delete all that match (at least one condition); return how many."""
