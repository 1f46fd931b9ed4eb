"""What one agent, or sub-agent, needs to go on from where a run stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from trivium.core.events import Producer, RunEvent
from trivium.core.model.agents import Agent, RunLimits, SubAgent, ToolSpec
from trivium.core.model.budgets import Limit
from trivium.core.model.json import JSON
from trivium.core.model.runs import Run, Usage
from trivium.core.ports import ChatMessage
from trivium.core.services.models import ModelChoice
from trivium.core.services.progress import Progress


@dataclass(kw_only=True)
class Turn:
    """Everything a run needs to go from where it stands to its end."""

    run: Run
    agent: Agent
    model: ModelChoice
    messages: Sequence[ChatMessage]
    specs: Mapping[str, ToolSpec]
    limits: RunLimits
    progress: Progress = field(default_factory=Progress)
    producer: Producer | None = None
    depth: int = 0
    options: Mapping[str, JSON] = field(default_factory=dict)
    cited: Sequence[int] | None = None
    sub_agents: Sequence[SubAgent] = ()
    # Bytes of the pictures that tools returned, by blob key: read once a process, not once a step.
    pictures: dict[str, bytes] = field(default_factory=dict)
    # What was committed before this process took the run up: where its sub-agents stand.
    earlier: Sequence[RunEvent] = ()
    budgets: Sequence[Limit] = ()
    # The budgets were looked at when the run was let in, just now: its first call needs no other look.
    is_admitted: bool = False
    # What the whole run used so far, sub-agents included; shared by the turns of a run.
    used: list[Usage] = field(default_factory=list)
