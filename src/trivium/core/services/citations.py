"""Which of the found sources an answer used."""

import re
from collections.abc import Sequence

from trivium.core.model.knowledge import Source

_MARKER = re.compile(r"\[(\d{1,3})\]")


def cited(answer: str, sources: Sequence[Source], numbers: Sequence[int] | None = None) -> list[Source]:
    """Return the sources the answer used, in order of their number (the first is 1).

    `numbers` is what the model itself reported. Without it, the markers like [1] in the answer decide; an answer
    without any marker is taken to rest on all of them.
    """
    if numbers is None:
        numbers = sorted({int(number) for number in _MARKER.findall(answer)})
        if not any(1 <= number <= len(sources) for number in numbers):
            return list(sources)
    return [sources[number - 1] for number in numbers if 1 <= number <= len(sources)]
