"""The difference between two sets of workflows, as a pure function."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from trivium.core.model.config import Op, Plan
from trivium.core.model.json import JSON, JSONObject
from trivium.core.reconcile.plan import list_ops
from trivium.core.reconcile.workflow_documents import SHAPE
from trivium.core.reconcile.workflow_names import references


def plan_workflows(current: Sequence[JSONObject], desired: Sequence[JSONObject], *, prune: bool = False) -> Plan:
    """Return the ops that turn `current` into `desired`, by name in code-point order; the same for any order of either.

    The top-level field is the unit: present replaces, None clears, absent stays. Only with `prune` is deleted what
    `desired` leaves out. Raises InvalidRequest (`details`: index) when a name is missing or doubled.
    """
    wanted: list[JSON] = [*desired]
    return Plan(ops=tuple(list_ops(SHAPE, {SHAPE.name: [*current]}, wanted, prune=prune)))


def workflows_running_order(plan: Plan) -> tuple[Op, ...]:
    """Return the ops as they are run: what is referred to is made before, and deleted after, what refers to it.

    First all creates, then updates, then deletes. Where workflows refer to each other in a circle, names decide.
    """
    by_action = {
        action: [op for op in plan.ops if op.action == action] for action in ("noop", "create", "update", "delete")
    }
    creates = {str(op.key): op.after or {} for op in by_action["create"]}
    deletes = {str(op.key): op.before or {} for op in by_action["delete"]}
    ranks = {name: rank for rank, name in enumerate(_dependents_last(creates))}
    removal = {name: -rank for rank, name in enumerate(_dependents_last(deletes))}
    return (
        *by_action["noop"],
        *sorted(by_action["create"], key=lambda op: ranks[str(op.key)]),
        *by_action["update"],
        *sorted(by_action["delete"], key=lambda op: removal[str(op.key)]),
    )


def referrers(documents: Mapping[str, JSONObject], names: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (name of the workflow, place, name it refers to) of every reference to one of these workflows."""
    for name, document in sorted(documents.items()):
        for reference in references(document):
            if reference.kind == "workflow" and reference.value in names:
                yield name, reference.place, reference.value


def _dependents_last(documents: Mapping[str, JSONObject]) -> list[str]:
    """Return the names such that each comes after those its document refers to, else in code-point order."""
    needs = {
        name: sorted({target for _, _, target in referrers({name: documents[name]}, documents.keys())})
        for name in documents
    }
    done: dict[str, None] = {}
    for start in sorted(documents):
        # Depth first without recursion: a thousand workflows in a row go deeper than the stack.
        pending = [(start, iter(needs[start]))]
        entered = {start}
        while pending:
            name, rest = pending[-1]
            following = next((one for one in rest if one not in done and one not in entered), None)
            if following is None:
                pending.pop()
                done[name] = None
            else:
                entered.add(following)
                pending.append((following, iter(needs[following])))
    return [*done]
