"""Questions the documents did not answer, grouped by meaning, so that somebody can write what is missing."""

from collections.abc import Sequence
from dataclasses import replace

from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import UnansweredQuestion
from trivium.core.ports import Clock, PassageIndex, Store, Transaction
from trivium.core.services.jobs import JobRun, Jobs

UNANSWERED_JOB = "knowledge.unanswered"
# Two questions are one from this cosine up: "How do I pay?" and "What ways to pay are there?" are at 0.7.
_SAME_FROM = 0.65
_COMPARED_MAX = 200
_GROUPS_MAX = 2000
_EXAMPLES_MAX = 5
_QUESTION_CHARACTERS_MAX = 500


class Unanswered:
    """The unanswered questions of all agents."""

    def __init__(self, *, store: Store, index: PassageIndex, jobs: Jobs, clock: Clock) -> None:
        self._store = store
        self._index = index
        self._jobs = jobs
        self._clock = clock

    async def record(self, organization_id: str, agent_id: str, question: str) -> None:
        """Queue a question to be noted; it costs the run that asked it one small write."""
        question = " ".join(question.split())[:_QUESTION_CHARACTERS_MAX]
        if question:
            arguments: JSONObject = {"agent_id": agent_id, "question": question}
            await self._jobs.add(organization_id, UNANSWERED_JOB, arguments)

    async def note(self, run: JobRun) -> None:
        """The job: count the question in the group it belongs to, or begin one. Repeated, it may count one too many."""
        organization_id = run.job.organization_id
        agent_id, question = str(run.job.arguments["agent_id"]), str(run.job.arguments["question"])
        groups = await self.list(organization_id, agent_id, limit=_COMPARED_MAX)
        likeness = await self._index.likeness(question, [group.question for group in groups]) if groups else []
        best = max(range(len(groups)), key=lambda n: likeness[n], default=None)
        if best is not None and likeness[best] >= _SAME_FROM:
            group_id = groups[best].id
            await self._store.write(lambda tx: self._count(tx, organization_id, group_id, question))
        else:
            await self._store.write(lambda tx: self._begin(tx, organization_id, agent_id, question))

    async def list(self, organization_id: str, agent_id: str, *, limit: int = 100) -> Sequence[UnansweredQuestion]:
        """Return the open groups of an agent, newest first."""
        return await self._store.read(
            lambda tx: tx.unanswered.find(
                organization_id, agent_id=agent_id, resolved_at=None, limit=limit, newest_first=True
            )
        )

    async def resolve(self, organization_id: str, group_id: str) -> UnansweredQuestion:
        """Close a group: somebody has written the answer. NotFound when there is no such group."""

        def write(tx: Transaction) -> UnansweredQuestion:
            done = replace(tx.unanswered.get(organization_id, group_id), resolved_at=self._clock.now())
            tx.unanswered.put(done)
            return done

        return await self._store.write(write)

    def _count(self, tx: Transaction, organization_id: str, group_id: str, question: str) -> None:
        group = tx.unanswered.get(organization_id, group_id)
        examples = group.examples
        if question not in (group.question, *examples) and len(examples) < _EXAMPLES_MAX:
            examples = (*examples, question)
        tx.unanswered.put(replace(group, count=group.count + 1, last_at=self._clock.now(), examples=examples))

    def _begin(self, tx: Transaction, organization_id: str, agent_id: str, question: str) -> None:
        if tx.unanswered.count(organization_id, agent_id=agent_id) >= _GROUPS_MAX:
            return
        now = self._clock.now()
        tx.unanswered.add(
            UnansweredQuestion(
                id=new_id("unq"),
                organization_id=organization_id,
                agent_id=agent_id,
                question=question,
                created_at=now,
                last_at=now,
            )
        )
