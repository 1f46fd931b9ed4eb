"""Diagrams of steps that run, and what became of each step."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trivium.core.model.json import JSON, JSONObject

StepType = Literal[
    "input",
    "output",
    "llm",
    "knowledge",
    "agent",
    "agent_tool",
    "mcp",
    "http",
    "code",
    "condition",
    "transform",
    "delay",
    "loop",
    "map",
    "human",
    "workflow",
]
Trigger = Literal["manual", "webhook", "api", "schedule", "event", "workflow"]
WorkflowRunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
StepRunStatus = Literal["running", "waiting", "succeeded", "failed", "skipped", "cancelled"]
MissedPolicy = Literal["skip", "run_once"]
ERROR_BRANCH = "error"


@dataclass(frozen=True, kw_only=True)
class Step:
    """A node. `key` is its name in templates; `config` belongs to its type.

    `attempts_max` counts the first one. With `has_default` a step that failed for good yields `default` instead; else
    an edge with the branch "error" is taken; else the run fails.
    """

    id: str
    key: str
    type: StepType
    name: str = ""
    config: JSONObject = field(default_factory=dict)
    timeout_s: float | None = None
    attempts_max: int = 1
    retry_wait_s: float = 1.0
    has_default: bool = False
    default: JSON = None


@dataclass(frozen=True, kw_only=True)
class Edge:
    """A line from step to step, by their ids. `branch` None: taken whenever the source succeeds."""

    source: str
    target: str
    branch: str | None = None


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When a workflow starts by itself: every `interval_min` minutes, or by `cron` in `time_zone`.

    A start that was missed (the server was down) is made once, late, or skipped. While a scheduled run is still going
    the next start is skipped, unless `allows_overlap`.
    """

    enabled: bool = True
    interval_min: int | None = None
    cron: str | None = None
    time_zone: str = "UTC"
    inputs: JSONObject = field(default_factory=dict)
    missed: MissedPolicy = "run_once"
    allows_overlap: bool = False


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A workflow as it is now; every saved diagram is kept as a `WorkflowRevision` of the same version.

    `event_types` are the events (such as "conversation.created") that start it.
    """

    id: str
    organization_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    version: int = 1
    description: str = ""
    enabled: bool = True
    steps: tuple[Step, ...] = ()
    edges: tuple[Edge, ...] = ()
    webhook_enabled: bool = True
    secret_hash: str = ""
    secret_last_four: str = ""
    schedule: Schedule | None = None
    next_run_at: datetime | None = None
    event_types: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class WorkflowWrite:
    """One save: what became of which workflow, and who did it (the id of a key or a person, "" when unknown)."""

    kind: Literal["created", "changed", "deleted"]
    workflow: Workflow
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkflowRevision:
    """One saved version of a diagram: a run that waits for weeks goes on with the one it started from."""

    id: str
    organization_id: str
    workflow_id: str
    version: int
    created_at: datetime
    steps: tuple[Step, ...]
    edges: tuple[Edge, ...]
    created_by: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkflowRun:
    """One execution. `signals` counts what arrived from outside (an answered form, a finished sub-run).

    `event_id` is the event that began it: a workflow runs once for each.
    While it is driven, `lease_owner` is the process and `attempt` its fence; a waiting run has neither and costs
    nothing until `wake_at`.
    """

    id: str
    organization_id: str
    workflow_id: str
    version: int
    trigger: Trigger
    created_at: datetime
    status: WorkflowRunStatus = "queued"
    inputs: JSONObject = field(default_factory=dict)
    result: JSON = None
    error: str | None = None
    error_code: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    principal_id: str = ""
    parent_run_id: str | None = None
    rerun_of: str | None = None
    event_id: str | None = None
    depth: int = 0
    attempt: int = 0
    signals: int = 0
    wake_at: datetime | None = None
    lease_owner: str | None = None
    lease_until: datetime | None = None

    @property
    def is_final(self) -> bool:
        """True when nothing more happens in it."""
        return self.status in ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class StepRun:
    """The checkpoint of one step (of one item of it, counted from 0, in a loop).

    `id` depends on run, step and item only: it is the idempotency key of whatever the step does outside. `attempt`
    counts how often it was begun, also after a crash, `failures` how often it failed. `branch` is the way a condition
    took. `due_at` is when a waiting step goes on by itself; `data` is its type's own.
    """

    id: str
    organization_id: str
    run_id: str
    step_id: str
    key: str
    status: StepRunStatus
    created_at: datetime
    item: int | None = None
    attempt: int = 0
    failures: int = 0
    input: JSON = None
    output: JSON = None
    error: str | None = None
    error_code: str | None = None
    branch: str | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    due_at: datetime | None = None
    data: JSONObject = field(default_factory=dict)
