"""Plans of workflows for people: what changes, step by step."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from trivium.cli.remote_output import styled
from trivium.cli.workspace.merging import Path
from trivium.cli.workspace.showing import SIGNS, field_lines
from trivium.cli.workspace.workflow_files import WORKFLOWS
from trivium.cli.workspace.workflow_planning import PlannedWorkflows, hidden_places, masked

if TYPE_CHECKING:
    from trivium_client.models.wizchat import Op


def show_flows(planned: PlannedWorkflows) -> None:
    """Print what changes; nothing where nothing does."""
    if not planned.changes:
        return
    print(styled(WORKFLOWS, "1"))
    hidden = hidden_places(planned.flows)
    for op in planned.changes:
        for line in flow_lines(op, hidden.get(str(op.key), {})):
            print(f"  {line}")


def flow_lines(op: "Op", hidden: Mapping[Path, str] | None = None) -> Iterator[str]:
    """Yield one line for the workflow that changes, and lines for each of its fields and steps."""
    sign, colour = SIGNS[op.action]
    yield styled(f"{sign} {op.key}", colour)
    if op.action != "update":
        return
    before, after = (_readable(masked(one, hidden or {})) for one in (op.before, op.after))
    for name in op.changedFields or []:
        if before.get(name) != after.get(name):
            yield from (f"  {line}" for line in field_lines(name, before.get(name), after.get(name)))


def _readable(document: object) -> dict[str, object]:
    """Return a workflow with its steps by their keys and its lines as text: so each change stands alone."""
    found = dict(document) if isinstance(document, dict) else {}
    steps, edges = found.get("steps"), found.get("edges")
    if isinstance(steps, list):
        found["steps"] = {str(step.get("key")): step for step in steps if isinstance(step, dict)}
    if isinstance(edges, list):
        found["edges"] = "".join(f"{_edge(edge)}\n" for edge in edges if isinstance(edge, dict))
    return found


def _edge(edge: dict[str, object]) -> str:
    branch = f"  ({edge['branch']})" if edge.get("branch") else ""
    return f"{edge.get('from')} → {edge.get('to')}{branch}"
