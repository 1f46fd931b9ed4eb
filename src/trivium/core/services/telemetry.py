"""Forgetting in time: conversations end with the months an agent's telemetry keeps them."""

from datetime import datetime, timedelta

from trivium.core.model.agents import Agent
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.jobs import JobRun
from trivium.core.services.removal import Removal

FORGET_JOB = "telemetry.forget"
_MONTH = timedelta(days=30.44)
_PAGE = 500
_BUSY_MAX = 10_000
_AGENTS_MAX = 10_000


class Forgetting:
    """Deletes what is older than an agent's `retention_months`; an agent that says nothing keeps everything."""

    def __init__(self, *, store: Store, clock: Clock, removal: Removal) -> None:
        self._store = store
        self._clock = clock
        self._removal = removal

    async def run(self, run: JobRun) -> datetime | None:
        """The job, once a day. Safe to repeat: what is gone is gone."""
        organizations = await self._store.read(lambda tx: tx.organizations.all(limit=_AGENTS_MAX))
        for number, organization in enumerate(organizations, 1):
            organization_id = organization.id
            agents = await self._store.read(lambda tx, of=organization_id: tx.agents.find(of, limit=_AGENTS_MAX))  # type: ignore[misc]
            for agent in agents:
                await self.forget(agent)
            await run.report(100 * number // len(organizations))
        return None

    async def forget(self, agent: Agent) -> int:
        """Delete the agent's conversations that nobody has spoken in since; return how many there were."""
        months = _months(agent)
        if months is None:
            return 0
        before, count = self._clock.now() - months * _MONTH, 0
        cursor: str | None = None
        while True:
            stale, cursor = await self._store.read(lambda tx, at=cursor: _page(tx, agent, before, at))  # type: ignore[misc]
            for conversation_id in stale:
                await self._store.write(
                    lambda tx, of=conversation_id: self._removal.conversation(tx, agent.organization_id, of)  # type: ignore[misc]
                )
            count += len(stale)
            if cursor is None:
                return count


def _months(agent: Agent) -> int | None:
    telemetry = agent.settings.get("telemetry")
    months = telemetry.get("retention_months") if isinstance(telemetry, dict) else None
    return months if isinstance(months, int) and not isinstance(months, bool) and months > 0 else None


def _page(tx: Transaction, agent: Agent, before: datetime, cursor: str | None) -> tuple[list[str], str | None]:
    """Return what is too old among the next conversations, newest first, and where to go on."""
    organization_id = agent.organization_id
    found = tx.conversations.find(organization_id, agent_id=agent.id, limit=_PAGE, newest_first=True, before=cursor)
    busy = {conversation_id for conversation_id, _ in tx.runs.unfinished(organization_id, agent.id, _BUSY_MAX)}
    stale = [one.id for one in found if one.updated_at < before and one.id not in busy]
    return stale, found[-1].id if len(found) == _PAGE else None
