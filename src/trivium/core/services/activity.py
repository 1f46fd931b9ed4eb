"""What happened lately, and the counts of an organization: readings of what is stored anyway."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trivium.core.model.organizations import Organization
from trivium.core.model.runs import Run
from trivium.core.model.workflows import WorkflowRun
from trivium.core.ports import Clock, Store, Transaction

LIMIT_MAX = 50
LIMIT_DEFAULT = 15
_DAY = timedelta(hours=24)
_RECENT_MAX = 1_000


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One line: when, what kind, about what, how it went and how long it took."""

    at: datetime
    type: str
    subject: str
    status: str = ""
    duration_s: float | None = None
    actor: str = ""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """An organization in numbers; those "24h" count at most 1,000 runs."""

    organization: Organization
    agents: int
    conversations: int
    open_conversations: int
    workflows: int
    workflow_runs_24h: int
    documents: int
    messages_24h: int


def clamp_limit(limit: int | None) -> int:
    """Return how many activity lines to show, 1 to 50 (default 15)."""
    return LIMIT_DEFAULT if limit is None else max(1, min(LIMIT_MAX, limit))


class ActivityLog:
    """Readings for people."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def recent(self, organization_id: str, limit: int) -> Sequence[Happening]:
        """Return what happened last, newest first: runs of agents and workflows, and what was noted."""

        def unit(tx: Transaction) -> list[Happening]:
            runs = tx.runs.find(organization_id, newest_first=True, limit=limit)
            executions = tx.workflow_runs.find(organization_id, newest_first=True, limit=limit)
            notes = tx.activity.find(organization_id, newest_first=True, limit=limit)
            agents = {one.id: one.name for one in tx.agents.find(organization_id)}
            workflows = {one.id: one.name for one in tx.workflows.find(organization_id)}
            found = [_of_run(run, agents.get(run.agent_id, run.agent_id)) for run in runs]
            found += [_of_execution(run, workflows.get(run.workflow_id, run.workflow_id)) for run in executions]
            found += [
                Happening(at=one.at, type=one.type, subject=one.subject, status=one.status, actor=one.actor)
                for one in notes
            ]
            return found

        found = await self._store.read(unit)
        return sorted(found, key=lambda one: one.at, reverse=True)[:limit]

    async def counts(self, organization_id: str) -> Counts:
        """Return the organization in numbers."""
        since = self._clock.now() - _DAY

        def unit(tx: Transaction) -> Counts:
            executions = tx.workflow_runs.find(organization_id, newest_first=True, limit=_RECENT_MAX)
            runs = tx.runs.find(organization_id, newest_first=True, limit=_RECENT_MAX)
            conversations = tx.conversations.count(organization_id)
            return Counts(
                organization=tx.organizations.get(organization_id, organization_id),
                agents=tx.agents.count(organization_id),
                conversations=conversations,
                open_conversations=conversations - tx.conversations.count(organization_id, status="resolved"),
                workflows=tx.workflows.count(organization_id),
                workflow_runs_24h=sum(1 for run in executions if run.created_at >= since),
                documents=tx.documents.count(organization_id),
                messages_24h=sum(2 if run.output else 1 for run in runs if run.created_at >= since),
            )

        return await self._store.read(unit)


def _of_run(run: Run, name: str) -> Happening:
    return Happening(
        at=run.finished_at or run.created_at,
        type="agent.run",
        subject=name,
        status=run.status,
        duration_s=_seconds(run.started_at, run.finished_at),
    )


def _of_execution(run: WorkflowRun, name: str) -> Happening:
    return Happening(
        at=run.finished_at or run.created_at,
        type="workflow.run",
        subject=name,
        status=run.status,
        duration_s=_seconds(run.started_at, run.finished_at),
    )


def _seconds(begun: datetime | None, ended: datetime | None) -> float | None:
    return None if begun is None or ended is None else round((ended - begun).total_seconds(), 3)
