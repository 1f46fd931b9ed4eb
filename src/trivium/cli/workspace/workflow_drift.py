"""What changed in workflows at the server since the last apply, and who changed it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trivium.cli.remote_output import styled
from trivium.cli.workspace.wanted import Wanted
from trivium.cli.workspace.workflow_files import WORKFLOWS
from trivium.cli.workspace.workflow_planning import hidden_places
from trivium.cli.workspace.workflow_showing import flow_lines

if TYPE_CHECKING:
    from trivium_client import WizChat
    from trivium_client.models.wizchat import Op
    from trivium_client.models.workflow_config import WorkflowDrift


@dataclass(frozen=True, kw_only=True)
class FlowDrift:
    """The drift of the workflows that were chosen, or of all."""

    wanted: Wanted
    drift: "WorkflowDrift"

    @property
    def changes(self) -> "list[Op]":
        """What changed; where workflows were chosen by name, only theirs."""
        titles = {flow.title for flow in self.wanted.flows}
        return [op for op in self.drift.plan.ops if self.wanted.has_all_flows or op.key in titles]

    @property
    def count(self) -> int:
        """How many workflows there are to look at: those in files, and those that came or went."""
        return len({flow.title for flow in self.wanted.flows} | {str(op.key) for op in self.changes})

    @property
    def changed_count(self) -> int:
        return len(self.changes)

    @property
    def data(self) -> dict[str, object]:
        """Return the same as data."""
        whole = self.drift.model_dump(mode="json", by_alias=True)
        keys = {op.key for op in self.changes}
        ops = [op.model_dump(mode="json", exclude_unset=True) for op in self.changes]
        return {
            WORKFLOWS: {
                **whole,
                "plan": {"ops": ops},
                "writes": [one for one in whole["writes"] if one["workflow"] in keys],
            }
        }

    def show(self) -> None:
        """Print what changed, and who saved it."""
        if not self.changes:
            return
        keys = {op.key for op in self.changes}
        people = sorted({one.actor for one in self.drift.writes if one.workflow in keys and one.actor})
        print(styled(WORKFLOWS, "1") + (f"  by {', '.join(people)}" if people else ""))
        hidden = hidden_places(self.wanted.flows)
        for op in self.changes:
            print("".join(f"  {line}\n" for line in flow_lines(op, hidden.get(str(op.key), {}))), end="")


def find_flow_drift(client: "WizChat", wanted: Wanted) -> FlowDrift:
    """Ask the server."""
    return FlowDrift(wanted=wanted, drift=client.workflow_config.drift())
