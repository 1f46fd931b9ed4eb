"""What came of reading a file: its parts, or why there are none."""

from collections.abc import Iterable
from dataclasses import dataclass

from trivium.core.ports.knowledge import ExtractedPart


class Problem(Exception):
    """`code` is stable; the message is in words for the owner of the file."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Read:
    """What a reader found."""

    parts: Iterable[ExtractedPart]
    page_count: int | None = None
    title: str = ""
