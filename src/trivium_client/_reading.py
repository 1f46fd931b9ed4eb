"""How one contract reads the events of a stream."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

E = TypeVar("E")


@dataclass(frozen=True, kw_only=True)
class Reading(Generic[E]):
    """Pure functions: the event in a message's data (None for what is none), whether it is the last, the answer's text
    in it, and the message of a failure in it.

    A stream that `is_endless` is watched until its reader leaves. Its ids are positions, so two events may share one;
    `state` returns what an event tells and its value, so that what is known is not told again after a reconnection.
    """

    parse: Callable[[str], E | None]
    is_end: Callable[[str, E | None], bool]
    text: Callable[[E], str]
    failure: Callable[[E], str | None]
    is_endless: bool = False
    state: Callable[[E], tuple[str, str] | None] = lambda _: None
