"""The shape of a diagram: order, cycles, what lies before a step, and which steps may run next. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from trivium.core.model.workflows import ERROR_BRANCH, Edge, Step, StepRun


class Graph:
    """Steps and edges that are known to be sound (see `definition.check`)."""

    def __init__(self, steps: Sequence[Step], edges: Sequence[Edge]) -> None:
        self.steps = tuple(steps)
        self.edges = tuple(edges)
        self.by_id: dict[str, Step] = {step.id: step for step in steps}
        self.number: dict[str, int] = {step.id: number for number, step in enumerate(steps)}
        self.incoming: dict[str, list[Edge]] = {step.id: [] for step in steps}
        self.outgoing: dict[str, list[Edge]] = {step.id: [] for step in steps}
        for edge in edges:
            self.incoming[edge.target].append(edge)
            self.outgoing[edge.source].append(edge)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Step ids, every step after all that lead to it; on a cycle its steps are left out."""
        missing = {step.id: len(self.incoming[step.id]) for step in self.steps}
        ready = [step_id for step_id, count in missing.items() if count == 0]
        for step_id in ready:
            for edge in self.outgoing[step_id]:
                missing[edge.target] -= 1
                if missing[edge.target] == 0:
                    ready.append(edge.target)
        return tuple(ready)

    @cached_property
    def before(self) -> Mapping[str, frozenset[str]]:
        """For each step the ids of all steps that lead to it."""
        found: dict[str, frozenset[str]] = {}
        for step_id in self.order:
            sources = [edge.source for edge in self.incoming[step_id]]
            found[step_id] = frozenset(sources).union(*(found[source] for source in sources))
        return found

    def after(self, step_id: str) -> frozenset[str]:
        """Return the step and everything that it leads to."""
        return frozenset(other for other in self.order if other == step_id or step_id in self.before[other])

    def cycle(self) -> list[str]:
        """Return the step ids of one cycle in order, the first one repeated at the end; empty when there is none."""
        rest = set(self.by_id) - set(self.order)
        # Walking backwards never leaves the rest: each of its steps waits for another one of it.
        path: list[str] = []
        step_id = next((step.id for step in self.steps if step.id in rest), None)
        while step_id is not None and step_id not in path:
            path.append(step_id)
            step_id = next(edge.source for edge in self.incoming[step_id] if edge.source in rest)
        return [] if step_id is None else [step_id, *reversed(path[path.index(step_id) :])]


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """What may start now, and what will never run because no active edge leads to it."""

    ready: tuple[Step, ...]
    skipped: tuple[Step, ...]


def readiness(graph: Graph, done: Mapping[str, StepRun]) -> Readiness:
    """Return the steps without a StepRun whose incoming edges are all decided.

    `done` holds the StepRun of every step that has begun. A step with no incoming edge, or with at least one active
    one, is ready; with only inactive ones it is skipped.
    """
    ready: list[Step] = []
    skipped: list[Step] = []
    for step_id in graph.order:
        if step_id in done:
            continue
        states = [_edge_state(edge, done.get(edge.source)) for edge in graph.incoming[step_id]]
        if None in states:
            continue
        (ready if not states or True in states else skipped).append(graph.by_id[step_id])
    return Readiness(ready=tuple(ready), skipped=tuple(skipped))


def is_caught(graph: Graph, step_id: str) -> bool:
    """True when a failure of this step has an edge to follow."""
    return any(edge.branch == ERROR_BRANCH for edge in graph.outgoing[step_id])


def _edge_state(edge: Edge, source: StepRun | None) -> bool | None:
    """True: active; False: not taken; None: not decided yet."""
    if source is None or source.status in ("running", "waiting"):
        return None
    if source.status == "failed":
        return edge.branch == ERROR_BRANCH
    if source.status != "succeeded":
        return False
    return edge.branch is None or edge.branch == source.branch


def keys_before(graph: Graph, step_id: str) -> Collection[str]:
    """Return the keys whose outputs a step may name."""
    return {graph.by_id[other].key for other in graph.before[step_id]}
