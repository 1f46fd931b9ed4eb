"""How one contract reads the events of a stream."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

E = TypeVar("E")


@dataclass(frozen=True, kw_only=True)
class Reading(Generic[E]):
    """Four pure functions: the event in a message's data (None for what is none), whether it is the last, the
    answer's text in it, and the message of a failure in it.
    """

    parse: Callable[[str], E | None]
    is_end: Callable[[str, E | None], bool]
    text: Callable[[E], str]
    failure: Callable[[E], str | None]
