"""Code and calendars: what workflows need from outside besides models, tools and the network."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from trivium.core.model.json import JSON, JSONObject


@dataclass(frozen=True, kw_only=True)
class CodeResult:
    """What a piece of code returned and printed. `error` is set when it raised or was stopped; `value` is null then."""

    value: JSON = None
    output: str = ""
    error: str | None = None


class CodeRunner(Protocol):
    """Runs code that a customer wrote, shut off from files, network and other processes."""

    async def run(self, source: str, inputs: JSONObject, *, timeout_s: float) -> CodeResult:
        """Return what the code did; UpstreamFailed when this machine cannot shut it off (then nothing was run)."""


class Calendar(Protocol):
    """Cron expressions in time zones."""

    def next_after(self, cron: str, time_zone: str, after: datetime) -> datetime:
        """Return the next moment in UTC, later than `after`; InvalidRequest when either text means nothing."""
