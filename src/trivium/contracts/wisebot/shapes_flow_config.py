"""Workflows as configuration, for the description: imported only when somebody asks for that."""

from typing import Any, Literal

from pydantic import Field

from trivium.contracts.wisebot.shapes import Answer, Time
from trivium.contracts.wisebot.shapes_flows import FlowEdge, FlowStep
from trivium.core.model.config import Action, RevisionStatus
from trivium.core.model.workflows import MissedPolicy

WriteAction = Literal["created", "changed", "deleted"]


class FlowDefinitionWebhook(Answer):
    """Whether the workflow's trigger is on."""

    enabled: bool


class FlowDefinitionSchedule(Answer):
    """When a workflow starts by itself, as somebody wants it."""

    enabled: bool
    interval_minutes: int | None
    cron: str | None
    time_zone: str
    inputs: dict[str, Any]
    missed: MissedPolicy
    allow_overlap: bool


class FlowDefinition(Answer):
    """A workflow without ids, secrets and times; steps name what they refer to by names."""

    name: str
    description: str
    enabled: bool
    webhook: FlowDefinitionWebhook
    schedule: FlowDefinitionSchedule | None
    events: list[str]
    steps: list[FlowStep]
    edges: list[FlowEdge]


class FlowSet(Answer):
    """All workflows of an organization, by name; `ambiguous` are names that several have, and which are left out."""

    api_version: Literal["v1"]
    kind: Literal["WorkflowSet"]
    workflows: list[FlowDefinition]
    ambiguous: list[str] | None = None


class FlowOp(Answer):
    """One line of a plan; `key` is the workflow's name."""

    section: Literal["workflows"]
    action: Action
    key: str
    before: FlowDefinition | None = None
    after: FlowDefinition | None = None
    changed_fields: list[str] | None = None


class FlowPlanSummary(Answer):
    """How many lines there are of each kind."""

    create: int
    update: int
    delete: int
    noop: int


class FlowPlan(Answer):
    """What an apply does, names in code-point order."""

    ops: list[FlowOp]
    summary: FlowPlanSummary


class FlowApplied(Answer):
    """A line of the plan that was carried out."""

    section: Literal["workflows"]
    action: Action
    key: str


class FlowFailed(Answer):
    """The line at which the apply stopped, and why."""

    op: FlowOp
    status: int
    code: str
    message: str


class FlowApply(Answer):
    """What an apply did, in the order of running; a dry run has only `dryRun` and `plan`."""

    dry_run: bool
    plan: FlowPlan
    applied: list[FlowApplied] | None = None
    failed: FlowFailed | None = None
    revision: int | None = None
    config: FlowSet | None = None


class FlowActor(Answer):
    """Who applied."""

    kind: str
    id: str
    name: str


class FlowRevision(Answer):
    """An apply as the log has it."""

    number: int
    status: RevisionStatus
    actor: FlowActor
    created_at: Time
    finished_at: Time | None
    op_count: int
    done_count: int
    failure: dict[str, Any] | None


class FlowWrite(Answer):
    """Who saved which workflow."""

    workflow: str
    action: WriteAction
    actor: str


class FlowDrift(Answer):
    """What changed since the last apply, and who changed it; nothing where there was none."""

    since: FlowRevision | None
    plan: FlowPlan
    writes: list[FlowWrite] = Field(description="The saves of the workflows in the plan since then.")


class ManagementError(Answer):
    """A failure as callers with a `wpk_live_` key know it."""

    code: str
    message: str
    details: Any = None


class FlowConfigError(Answer):
    """A failure: that of this contract, or, for a `wpk_live_` key, an `error` that is an object and nothing beside."""

    error: str | ManagementError
    message: str | None = None
    code: str | None = None
    details: Any = None
