"""Questions that programs put to one agent with a key of that agent."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from trivium.core.errors import (
    Conflict,
    CoreError,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    NotPermitted,
    UpstreamFailed,
)
from trivium.core.events import RunFailed, RunFinished
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent
from trivium.core.model.conversations import Conversation, Image, Visitor
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import Source
from trivium.core.model.protection import AgentKey
from trivium.core.model.runs import InputMessage, Run, RunInput, RunRequest
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.files import AgentFiles
from trivium.core.services.gate import Gate, clean_address
from trivium.core.services.limits import RateLimits
from trivium.core.services.runs import Runs

_RATE_DEFAULT = 60


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked: in a conversation or a new one, in a collection or none. `asked_by` is the caller's own name."""

    agent_id: str
    text: str
    conversation_id: str | None = None
    collection: str | None = None
    asked_by: str | None = None
    metadata: JSONObject = field(default_factory=dict)
    request_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A run that has answered, and what it quoted."""

    run: Run
    sources: tuple[Source, ...]


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """What the agent's telemetry lets be stored of who asks."""

    level: Literal["anonymized", "identified", "full"]
    pseudonymizes: bool

    def name(self, organization_id: str, asked_by: str | None) -> str | None:
        if asked_by is None or self.level == "anonymized":
            return None
        if not self.pseudonymizes:
            return asked_by
        return "p_" + hashlib.sha256(f"{organization_id}\0{asked_by}".encode()).hexdigest()[:32]


class Questions:
    """The door for programs. It is open when the agent's `external_api` is enabled."""

    def __init__(self, *, store: Store, clock: Clock, gate: Gate, runs: Runs, files: AgentFiles) -> None:
        self._store = store
        self._clock = clock
        self._gate = gate
        self._runs = runs
        self._files = files
        self._limits = RateLimits()

    async def ask(self, secret: str, question: Question, pictures: Sequence[bytes] = ()) -> Answer:
        """Return the answer when it is complete; the pictures belong to the question.

        InvalidRequest for what is no picture, NotAuthenticated, NotPermitted (`external_api_off`, `agent_not_allowed`,
        or by the agent's lists, see `Gate.check_person`), LimitExceeded by the agent's rate per key, NotFound, Conflict
        for a conversation of another collection, UpstreamFailed when the run failed.
        """
        key = await self._gate.keys.recognize(secret, "external")
        if key.agent_id != question.agent_id:
            raise NotPermitted("This key is for another agent.", code="agent_not_allowed")
        organization_id, now = key.organization_id, self._clock.now()
        agent = await self._store.read(lambda tx: self._admitting(tx, organization_id, question))
        self._check_open(agent, key, now)
        images: list[Image] = []
        try:
            for index, data in enumerate(pictures):
                images.append(await self._picture(organization_id, index, data))
            started = await self._start(key, agent, question, images)
        except CoreError as error:
            # No run has begun, so nothing refers to them; a store that was lost may have kept the run all the same.
            if not isinstance(error, UpstreamFailed):
                await self._files.forget(images)
            raise
        return await self._answer(await self._runs.result(organization_id, started.id))

    async def _start(self, key: AgentKey, agent: Agent, question: Question, images: Sequence[Image]) -> Run:
        now, conversation_id = self._clock.now(), new_id("conv")
        conversation = await self._store.write(
            lambda tx: _conversation(tx, agent, question, new_conversation_id=conversation_id, now=now)
        )
        kept = _kept(agent)
        request = RunRequest(
            agent_id=agent.id,
            conversation_id=conversation.id,
            visitor_id=conversation.visitor_id,
            input=RunInput(
                messages=(InputMessage(role="user", text=question.text),),
                images=tuple(images),
                metadata=question.metadata if kept.level == "full" else {},
            ),
            request_id=question.request_id,
            channel="api",
        )
        principal = Principal(
            organization_id=key.organization_id, kind="key", id=key.id, name=key.name, agent_ids=frozenset({agent.id})
        )
        return await self._runs.start(principal, request)

    def _admitting(self, tx: Transaction, organization_id: str, question: Question) -> Agent:
        """Return the agent, if it is open to who asks: the program vouches for an e-mail as `asked_by`."""
        agent = tx.agents.get(organization_id, question.agent_id)
        self._gate.check_person(tx, agent, clean_address(question.asked_by))
        return agent

    async def _picture(self, organization_id: str, index: int, data: bytes) -> Image:
        try:
            return await self._files.add_picture(organization_id, data)
        except InvalidRequest as error:
            raise InvalidRequest(f"images[{index}] {error.message}", code="invalid_image") from error

    def _check_open(self, agent: Agent, key: AgentKey, now: datetime) -> None:
        settings = agent.settings.get("external_api")
        settings = settings if isinstance(settings, dict) else {}
        if settings.get("enabled") is not True:
            raise NotPermitted("Questions by programs are switched off for this agent.", code="external_api_off")
        limit = settings.get("rate_limit_per_min")
        self._limits.spend(key.id, limit if isinstance(limit, int) else _RATE_DEFAULT, now)

    async def _answer(self, run: Run) -> Answer:
        last = await self._store.read(lambda tx: tx.events.read(run.id, max(0, run.event_count - 1), 1))
        event = last[-1].event if last else None
        if isinstance(event, RunFailed) and event.code == "budget_exceeded":
            wait_s = event.details.get("reset_s")
            raise LimitExceeded(
                event.message,
                code=event.code,
                details=event.details,
                retry_after_s=float(wait_s) if isinstance(wait_s, int | float) else None,
            )
        if run.status != "succeeded":
            raise UpstreamFailed(run.error_message or f"The run is {run.status}.", code=run.error_code or "run_failed")
        return Answer(run=run, sources=event.sources if isinstance(event, RunFinished) else ())


def _conversation(
    tx: Transaction, agent: Agent, question: Question, *, new_conversation_id: str, now: datetime
) -> Conversation:
    collection_id = _collection_id(tx, agent, question.collection)
    if question.conversation_id is not None:
        known = tx.conversations.first(agent.organization_id, id=question.conversation_id, agent_id=agent.id)
        if known is None:
            raise NotFound("conversation", question.conversation_id)
        if question.collection is not None and known.metadata.get("collection_id") != collection_id:
            raise Conflict("A conversation stays in its collection.", code="other_collection")
        return known
    conversation = Conversation(
        id=new_conversation_id,
        organization_id=agent.organization_id,
        agent_id=agent.id,
        external_id=new_conversation_id,
        created_at=now,
        updated_at=now,
        visitor_id=_visitor_id(tx, agent, question, now),
        metadata={} if collection_id is None else {"collection_id": collection_id},
    )
    tx.conversations.add(conversation)
    return conversation


def _collection_id(tx: Transaction, agent: Agent, slug: str | None) -> str | None:
    if slug is None:
        return None
    collection = tx.collections.first(agent.organization_id, agent_id=agent.id, slug=slug)
    if collection is None:
        raise NotFound("collection", slug)
    return collection.id


def _visitor_id(tx: Transaction, agent: Agent, question: Question, now: datetime) -> str | None:
    name = _kept(agent).name(agent.organization_id, question.asked_by)
    if name is None:
        return None
    # Who the program names by e-mail has signed in there; a pseudonym is no e-mail.
    email = clean_address(name)
    known = tx.visitors.first(agent.organization_id, external_id=name)
    if known is None:
        known = Visitor(
            id=new_id("vis"),
            organization_id=agent.organization_id,
            external_id=name,
            email=email,
            is_authenticated=email is not None,
            created_at=now,
        )
        tx.visitors.add(known)
    elif email is not None and (known.email != email or not known.is_authenticated):
        tx.visitors.put(replace(known, email=email, is_authenticated=True))
    return known.id


def _kept(agent: Agent) -> _Kept:
    settings = agent.settings.get("telemetry")
    settings = settings if isinstance(settings, dict) else {}
    level = settings.get("level")
    return _Kept(
        level="anonymized" if level == "anonymized" else "identified" if level == "identified" else "full",
        pseudonymizes=settings.get("pseudonymizes") is True,
    )
