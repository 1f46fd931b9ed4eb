"""Somebody outside who wants to know what happened in each run."""

from collections.abc import Sequence
from typing import Protocol

from trivium.core.events import StoredEvent
from trivium.core.model.runs import Run


class RunTracer(Protocol):
    """Takes runs that have ended, e.g. to make spans of them."""

    async def export(self, run: Run, events: Sequence[StoredEvent]) -> None:
        """Take a run with its events in order; returns at once and drops what it has no room for."""
