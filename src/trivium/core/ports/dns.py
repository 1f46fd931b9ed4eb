"""What the domain name system says."""

from collections.abc import Sequence
from typing import Protocol


class TxtRecords(Protocol):
    """Looks up TXT records."""

    async def find(self, name: str) -> Sequence[str]:
        """Return the texts at a name, none when there are none; UpstreamFailed when nobody could say."""
