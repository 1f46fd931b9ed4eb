"""What a whole installation adds up to, for its operator: no organization, agent or person is told apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trivium.core.model.runs import Usage

# Upper bounds of the classes that run durations are counted in; longer ones are only in the count.
DURATION_BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Counts over everything stored.

    `uses`: the sums of the (at most 200) models that used most; a cost of None is not known. `within` counts, for each
    of DURATION_BOUNDS_S, the ended runs that took no longer. Jobs and deliveries are those not done yet, and dead.
    """

    runs: Mapping[str, int] = field(default_factory=dict)
    uses: Sequence[Usage] = ()
    duration_count: int = 0
    duration_s_sum: float = 0.0
    within: Sequence[int] = (0,) * len(DURATION_BOUNDS_S)
    jobs: Mapping[str, int] = field(default_factory=dict)
    deliveries: Mapping[str, int] = field(default_factory=dict)
