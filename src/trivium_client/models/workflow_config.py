"""Workflows as configuration: the shapes of their document, plans and results."""

from pydantic import Field, JsonValue

from trivium_client._json import JsonObject
from trivium_client._model import CamelAnswer, CamelModel
from trivium_client.models.wizchat import AppliedItem, Failed, Plan


class WorkflowWebhook(CamelModel):
    """Whether a workflow's trigger is on."""

    enabled: bool = True


class WorkflowSchedule(CamelModel):
    """When a workflow starts by itself: by an interval or by a cron expression."""

    enabled: bool = True
    interval_minutes: int | None = None
    cron: str | None = None
    time_zone: str = "UTC"
    inputs: JsonObject = {}
    missed: str = "run_once"
    allow_overlap: bool = False


class WorkflowDefinition(CamelModel):
    """A workflow without ids, times and secrets; its steps name what they refer to by names."""

    name: str
    description: str | None = None
    enabled: bool | None = None
    webhook: WorkflowWebhook | None = None
    schedule: WorkflowSchedule | None = None
    events: list[str] | None = None
    steps: list[JsonObject] | None = None
    edges: list[JsonObject] | None = None


class WorkflowSet(CamelAnswer):
    """All workflows of an organization. `ambiguous` are names that several have: those are left out."""

    api_version: str = "v1"
    kind: str = "WorkflowSet"
    workflows: list[WorkflowDefinition] = []
    ambiguous: list[str] = []

    @property
    def etag(self) -> str | None:
        """Return the state this was read from, to be passed as `if_match` of an apply."""
        return self.raw_response.headers.get("etag") if self.raw_response else None


class WorkflowApplyResult(CamelAnswer):
    """What came of an apply. When `failed` is set, what is in `applied` stays applied: mend and apply again."""

    dry_run: bool
    plan: Plan
    applied: list[AppliedItem] | None = None
    failed: Failed | None = None
    revision: int | None = None
    config: WorkflowSet | None = None

    @property
    def base_etag(self) -> str | None:
        """Return the state that the plan was made against, to be passed as `if_match` of the apply."""
        return self._header("base-etag")

    @property
    def etag(self) -> str | None:
        """Return the state after an apply; of a dry run, the state as it is."""
        return self._header("etag")

    @property
    def plan_hash(self) -> str | None:
        """Return what names this very plan, to be passed to an apply that must do exactly this."""
        return self._header("plan-hash")

    def _header(self, name: str) -> str | None:
        return self.raw_response.headers.get(name) if self.raw_response else None


class WorkflowWrite(CamelModel):
    """Who saved which workflow: `action` is created, changed or deleted."""

    workflow: str
    action: str
    actor: str = ""


class WorkflowDrift(CamelAnswer):
    """What changed since the last apply, and who changed it; nothing where there was none."""

    since: dict[str, JsonValue] | None = None
    plan: Plan
    writes: list[WorkflowWrite] = Field(default=[])
