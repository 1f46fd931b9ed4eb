"""What agents do for visitors beside answering: appointments they book and files they make."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Booking:
    """An appointment. `slot` (calendar and start) is unique while it stands, and None once it is cancelled.

    `calendar` is the agent's id, or the name that several agents share. `call_key` is the tool call that made it: a
    repeated call finds its booking.
    """

    id: str
    organization_id: str
    agent_id: str
    calendar: str
    starts_at: datetime
    ends_at: datetime
    created_at: datetime
    call_key: str
    slot: str | None
    day: str
    status: Literal["booked", "cancelled"] = "booked"
    name: str = ""
    reach: str = ""
    notes: str = ""
    visitor_id: str | None = None
    conversation_id: str = ""


@dataclass(frozen=True, kw_only=True)
class MadeFile:
    """A file that an agent made. Whoever knows the id may download it: it holds 192 random bits.

    `call_key` is the tool call that made it: a repeated call finds its file.
    """

    id: str
    organization_id: str
    agent_id: str
    name: str
    mime_type: str
    size_bytes: int
    blob_key: str
    created_at: datetime
    call_key: str
    conversation_id: str = ""
