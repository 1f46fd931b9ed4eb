"""Background work, as it is stored."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trivium.core.model.json import JSONObject

JobStatus = Literal["queued", "running", "done", "dead", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One piece of work. `name` is in `core/jobs.py`.

    `unique_key`: an organization has one unfinished job of that key at a time. `priority`: greater goes first.
    `attempt` counts from 1 once it runs; "dead" means that the last attempt failed, `error` says how.
    """

    id: str
    organization_id: str
    name: str
    created_at: datetime
    due_at: datetime
    arguments: JSONObject = field(default_factory=dict)
    status: JobStatus = "queued"
    priority: int = 0
    attempt: int = 0
    attempts_max: int = 5
    unique_key: str | None = None
    error: str | None = None
    progress: int = 0
    cancel_requested: bool = False
    lease_owner: str | None = None
    lease_until: datetime | None = None
    finished_at: datetime | None = None
