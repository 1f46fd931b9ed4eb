"""Requests that are answered once, however often they are sent."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class OnceRequest:
    """A request with a name of its own. `status` None: it is being answered, by whoever took it until `leased_until`.

    `fingerprint` tells another body under the same name; `request_id` is the one its run was started with.
    """

    id: str
    organization_id: str
    created_at: datetime
    leased_until: datetime
    fingerprint: str = ""
    request_id: str = ""
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
