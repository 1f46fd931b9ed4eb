"""Workflows and their runs, for the description: imported only when somebody asks for that."""

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from trivium.contracts.wisebot.shapes import Answer, Time
from trivium.core.model.workflows import MissedPolicy, StepRunStatus, StepType, Trigger

FlowRunStatus = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class FlowRetry(Answer):
    """How often a step is tried, the first time included, and the first pause in seconds."""

    attempts: int
    wait_seconds: float


class FlowStep(Answer):
    """One step; what `config` holds depends on the type."""

    id: str
    key: str
    type: StepType
    name: str
    config: dict[str, Any]
    timeout_seconds: float | None = None
    retry: FlowRetry | None = None
    default: Any = None


class FlowEdge(Answer):
    """A line from step to step, by their ids; without a branch it is taken whenever the step succeeds."""

    source: Annotated[str, Field(alias="from")]
    target: Annotated[str, Field(alias="to")]
    branch: str | None = None


class FlowWebhook(Answer):
    """Whether the workflow's trigger is on, and how its secret ends."""

    enabled: bool
    secret_last_four: str


class FlowSchedule(Answer):
    """When a workflow starts by itself."""

    enabled: bool
    interval_minutes: int | None
    cron: str | None
    time_zone: str
    next_run_at: str | None
    inputs: dict[str, Any]
    missed: MissedPolicy
    allow_overlap: bool


class FlowExport(Answer):
    """A workflow without ids, secrets and times, as import takes it."""

    name: str
    description: str
    enabled: bool
    steps: list[FlowStep]
    edges: list[FlowEdge]
    webhook: FlowWebhook
    schedule: FlowSchedule | None
    events: list[str]


class Flow(FlowExport):
    """A workflow."""

    id: str
    version: int
    created_at: Time
    updated_at: Time


class FlowWithSecret(Flow):
    """A workflow with the secret of its trigger, which is shown this once."""

    webhook_secret: str


class FlowList(Answer):
    """Workflows, newest first."""

    flows: list[Flow]


class FlowVersion(Answer):
    """Who saved a version, and when."""

    version: int
    created_at: Time
    created_by: str


class FlowVersionList(Answer):
    """The saved versions of a workflow, newest first."""

    versions: list[FlowVersion]


class WorkflowResult(Answer):
    """What a run came to. A run that failed is an answer: `ok` is false then, and `error` says why."""

    ok: bool
    run_id: str
    result: Any
    error: str | None


class WorkflowTimeout(WorkflowResult):
    """A run that goes on: look it up by its id."""

    message: str
    code: Literal["timeout"]


class WorkflowStarted(Answer):
    """A run that was begun: look it up by its id."""

    ok: Literal[True]
    run_id: str
    status: FlowRunStatus


class FlowRun(Answer):
    """A run of a workflow; `waiting` while it waits for a person, a time or another run."""

    id: str
    workflow_id: str
    version: int
    trigger: Trigger
    status: FlowRunStatus
    waiting: bool
    inputs: dict[str, Any]
    result: Any
    error: str | None
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    parent_run_id: str | None
    rerun_of: str | None


class FlowStepRun(Answer):
    """What became of a step; `item` counts from 0 in a loop."""

    step_id: str
    key: str
    item: int | None
    status: StepRunStatus
    input: Any
    output: Any
    error: str | None
    branch: str | None
    started_at: Time | None
    finished_at: Time | None
    due_at: Time | None
    attempt: int


class FlowRunDetail(FlowRun):
    """A run of a workflow with every step."""

    steps: list[FlowStepRun]


class FlowRunList(Answer):
    """Runs of a workflow, newest first."""

    runs: list[FlowRun]


class WaitingForm(Answer):
    """A form that waits for a person."""

    run_id: str
    step_key: str
    form: dict[str, Any]
    created_at: Time
    expires_at: Time | None


class FormList(Answer):
    """The forms that wait, oldest first."""

    forms: list[WaitingForm]


class RerunBody(Answer):
    """Where to begin again: the key of a step, or at the start."""

    from_step: str | None = None


class FormAnswerBody(Answer):
    """What a person filled in, by field."""

    values: dict[str, Any]


class TriggerBody(Answer):
    """The input bag, flat: keys are those of the workflow's Input steps."""

    model_config = ConfigDict(extra="allow")
