"""Letting a run in: the one transaction in which everything that deserves a status is checked."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from trivium.core.errors import Conflict, LimitExceeded, NotFound
from trivium.core.events import RunStarted, StoredEvent
from trivium.core.model import ids
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent, RunLimits, SubAgent
from trivium.core.model.budgets import Limit
from trivium.core.model.conversations import Conversation, Message, PastMessage
from trivium.core.model.json import JSONObject
from trivium.core.model.organizations import ModelAccount
from trivium.core.model.runs import Run, RunRequest
from trivium.core.ports import Clock, Transaction
from trivium.core.services.budget_counters import charge_start
from trivium.core.services.budgets import check_start, limits_of
from trivium.core.services.models import Models
from trivium.core.services.prompt import HISTORY_MESSAGES_MAX, new_messages

_QUEUED_PER_CONVERSATION_MAX = 100
_TITLE_CHARS = 80
INTERRUPTED = "Another message came in."


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """Bounds of this process. `owner` names it in leases and must be new at every start."""

    owner: str
    lease_s: float = 15.0
    active_runs_max: int = 5_000
    limits: RunLimits = field(default_factory=RunLimits)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A run as it was let in or loaded, with everything its process needs; `events` are those already committed.

    `is_admitted`: it was let in just now, so its budgets have been looked at.
    """

    run: Run
    agent: Agent
    history: Sequence[PastMessage]
    accounts: Sequence[ModelAccount]
    sub_agents: Sequence[SubAgent] = ()
    events: Sequence[StoredEvent] = ()
    budgets: Sequence[Limit] = ()
    is_admitted: bool = False


@dataclass(frozen=True, kw_only=True)
class Admission:
    """Units of work that let runs in."""

    clock: Clock
    models: Models
    settings: RunSettings

    def admit(
        self, tx: Transaction, principal: Principal, request: RunRequest, *, run_id: str, new_conversation_id: str
    ) -> tuple[Begun, str | None]:
        now = self.clock.now()
        agent = tx.agents.get(principal.organization_id, request.agent_id)
        if agent.status in ("paused", "archived"):
            raise Conflict(f"Agent {agent.name!r} is {agent.status}.", code="agent_not_active")
        accounts = tx.model_accounts.find(agent.organization_id, limit=20)
        conversation = _open_conversation(tx, agent, request, new_id=new_conversation_id, now=now)
        visitor_id = request.visitor_id or conversation.visitor_id
        key_id = principal.key_id
        budgets = limits_of(tx, agent, key_id=key_id, visitor_id=visitor_id, principal=principal)
        check_start(tx, agent.organization_id, budgets, now)
        active = tx.runs.active(conversation.id)
        policy = request.concurrency or agent.concurrency
        if active is not None:
            _check_queue(tx, conversation, policy)
        run = Run(
            id=run_id,
            organization_id=agent.organization_id,
            agent_id=agent.id,
            conversation_id=conversation.id,
            request_id=request.request_id or ids.new_uuid(),
            channel=request.channel,
            status="queued" if active is not None else "running",
            input=request.input,
            created_at=now,
            principal_id=principal.id,
            key_id=key_id,
            visitor_id=visitor_id,
            attempt=0 if active is not None else 1,
            lease_owner=self.settings.owner,
            lease_until=now + timedelta(seconds=self.settings.lease_s),
            metadata=_metadata(request, conversation),
        )
        charge_start(tx, run)
        if active is not None:
            tx.runs.add(run)
            interrupted = None
            if policy == "interrupt":
                tx.runs.request_cancel(active.id, INTERRUPTED)
                interrupted = active.id
            return Begun(run=run, agent=agent, history=(), accounts=accounts), interrupted
        begun = self.begin(tx, run, agent, conversation=conversation, accounts=accounts, is_new=True)
        return replace(begun, budgets=budgets, is_admitted=True), None

    def begin(
        self,
        tx: Transaction,
        run: Run,
        agent: Agent,
        *,
        conversation: Conversation,
        accounts: Sequence[ModelAccount],
        is_new: bool,
    ) -> Begun:
        """Put the question into the conversation and write the first event."""
        now = self.clock.now()
        history = tx.messages.past(conversation.id, HISTORY_MESSAGES_MAX) if conversation.message_count else []
        choice = self.models.choose(agent.model, accounts)
        metadata = {**run.metadata, "continues": bool(history)}
        if choice.note:
            metadata["model_fallback"] = choice.note
        run = replace(run, status="running", started_at=now, model=choice.full_name, event_count=1, metadata=metadata)
        spoken = new_messages(run)
        for position, (role, text) in enumerate(spoken, conversation.message_count + 1):
            is_last = position == conversation.message_count + len(spoken)
            tx.messages.add(
                Message(
                    id=ids.new_id("msg"),
                    organization_id=run.organization_id,
                    conversation_id=conversation.id,
                    position=position,
                    role="user" if role == "user" else "assistant",
                    text=text,
                    created_at=now,
                    run_id=run.id,
                    images=run.input.images if is_last else (),
                )
            )
        count = conversation.message_count + len(spoken)
        tx.conversations.touch(conversation.id, message_count=count, at=now, title=_title(run.input.question))
        started = RunStarted(
            agent_id=agent.id,
            agent_name=agent.name,
            conversation_id=conversation.id,
            model=choice.full_name,
            metadata={"model_fallback": choice.note} if choice.note else {},
        )
        if is_new:
            tx.runs.add(run)
            tx.events.begin(run.id, now, started)
        else:
            tx.runs.put(replace(run, event_count=0))
            tx.events.append(run.id, self.settings.owner, 1, [(now, started)])
        return Begun(
            run=run,
            agent=agent,
            history=history,
            accounts=accounts,
            sub_agents=tx.sub_agents.find(agent.organization_id, agent_id=agent.id),
            events=(StoredEvent(1, now, started),),
        )


def _open_conversation(
    tx: Transaction, agent: Agent, request: RunRequest, *, new_id: str, now: datetime
) -> Conversation:
    found: Conversation | None = None
    if request.conversation_id is not None:
        found = tx.conversations.get(agent.organization_id, request.conversation_id)
        if found.agent_id != agent.id:
            raise NotFound("conversation", request.conversation_id)
    elif request.conversation is not None:
        found = tx.conversations.by_external_id(agent.organization_id, agent.id, request.conversation)
    if found is not None:
        return found
    conversation = Conversation(
        id=new_id,
        organization_id=agent.organization_id,
        agent_id=agent.id,
        external_id=request.conversation or new_id,
        created_at=now,
        updated_at=now,
        visitor_id=request.visitor_id,
    )
    tx.conversations.add(conversation)
    return conversation


def _check_queue(tx: Transaction, conversation: Conversation, policy: str) -> None:
    if policy == "reject":
        raise Conflict("The agent is still answering in this conversation.", code="conversation_busy")
    waiting = tx.runs.count(conversation.organization_id, conversation_id=conversation.id, status="queued")
    if waiting >= _QUEUED_PER_CONVERSATION_MAX:
        raise LimitExceeded("Too many questions wait in this conversation.", code="queue_full", retry_after_s=5.0)


def _metadata(request: RunRequest, conversation: Conversation) -> JSONObject:
    metadata = dict(request.input.metadata)
    metadata["conversation"] = conversation.external_id
    if "collection_id" in conversation.metadata:
        metadata["collection_id"] = conversation.metadata["collection_id"]
    if request.callback_url is not None:
        metadata["callback_url"] = request.callback_url
    return metadata


def _title(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= _TITLE_CHARS else line[: _TITLE_CHARS - 1].rstrip() + "…"
