"""What an agent leaves behind when it is deleted: documents, conversations, memories. They go in the background."""

from datetime import datetime, timedelta

from trivium.core.errors import NotFound
from trivium.core.model.ids import new_id
from trivium.core.model.jobs import Job
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.jobs import JobRun
from trivium.core.services.knowledge import Knowledge
from trivium.core.services.removal import Removal

AGENT_JOB = "agents.remove"
_PAGE = 200
# A run that still goes on ends at its next step, because its agent is gone; its conversation waits for that.
_AGAIN = timedelta(seconds=5)
_BUSY_MAX = 10_000


def agent_removal_job(organization_id: str, agent_id: str, now: datetime) -> Job:
    """Return the job that deletes what a deleted agent leaves behind, for the transaction that deletes it."""
    return Job(
        id=new_id("job"),
        organization_id=organization_id,
        name=AGENT_JOB,
        created_at=now,
        due_at=now,
        arguments={"agent_id": agent_id},
        unique_key=f"{AGENT_JOB}:{agent_id}",
    )


class AgentRemoval:
    """The job; its reason is written with the deletion itself, so that a crash in between loses nothing."""

    def __init__(self, *, store: Store, clock: Clock, knowledge: Knowledge, removal: Removal) -> None:
        self._store = store
        self._clock = clock
        self._knowledge = knowledge
        self._removal = removal

    async def run(self, run: JobRun) -> datetime | None:
        """Delete a page at a time. Safe to repeat: what is gone is gone."""
        organization_id, agent_id = run.job.organization_id, str(run.job.arguments["agent_id"])
        while documents := await self._store.read(lambda tx: _documents(tx, organization_id, agent_id)):
            for document_id in documents:
                await self._forget(organization_id, document_id)
        is_busy = await self._conversations(organization_id, agent_id)
        await self._store.write(lambda tx: _rest(tx, organization_id, agent_id))
        return self._clock.now() + _AGAIN if is_busy else None

    async def _forget(self, organization_id: str, document_id: str) -> None:
        try:
            await self._knowledge.delete(organization_id, document_id)
        except NotFound:
            return  # Somebody else was faster.

    async def _conversations(self, organization_id: str, agent_id: str) -> bool:
        """Delete those in which nothing runs; return whether some are left."""
        cursor: str | None = None
        is_busy = False
        while True:
            found, busy = await self._store.read(lambda tx, at=cursor: _page(tx, organization_id, agent_id, at))  # type: ignore[misc]
            for conversation_id in found:
                if conversation_id not in busy:
                    await self._store.write(
                        lambda tx, of=conversation_id: self._removal.conversation(tx, organization_id, of)  # type: ignore[misc]
                    )
            is_busy = is_busy or bool(busy)
            if len(found) < _PAGE:
                return is_busy
            cursor = found[-1]


def _documents(tx: Transaction, organization_id: str, agent_id: str) -> list[str]:
    return [one.id for one in tx.documents.find(organization_id, agent_id=agent_id, limit=_PAGE)]


def _page(tx: Transaction, organization_id: str, agent_id: str, cursor: str | None) -> tuple[list[str], frozenset[str]]:
    found = tx.conversations.find(organization_id, agent_id=agent_id, limit=_PAGE, newest_first=True, before=cursor)
    busy = frozenset(conversation_id for conversation_id, _ in tx.runs.unfinished(organization_id, agent_id, _BUSY_MAX))
    return [one.id for one in found], busy


def _rest(tx: Transaction, organization_id: str, agent_id: str) -> None:
    tx.memories.remove_where(organization_id, agent_id=agent_id)
    tx.unanswered.remove_where(organization_id, agent_id=agent_id)
    tx.visitor_passes.remove_where(organization_id, agent_id=agent_id)
