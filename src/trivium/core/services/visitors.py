"""Visitors: opening and resuming their conversations, and what happens to the things they say."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trivium.core.errors import Conflict, Gone, InvalidRequest, NotFound, NotPermitted
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent
from trivium.core.model.conversations import Conversation, ConversationStatus, Message, Visitor
from trivium.core.model.ids import new_id, new_uuid
from trivium.core.model.json import JSONObject
from trivium.core.model.runs import InputMessage, Run, RunInput, RunRequest
from trivium.core.model.visitors import VisitorPass
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.announcing import Announcing
from trivium.core.services.frustration import is_frustrated
from trivium.core.services.gate import Gate, Proof
from trivium.core.services.limits import RateLimits
from trivium.core.services.runs import Runs

LIFETIME = timedelta(hours=24)
# What one visitor may say in a minute: every message may cost a model call, and visitors need no key.
MESSAGES_PER_MIN_MAX = 60
# A pass with less than this left is extended when it is used.
EXTEND_BELOW = timedelta(hours=4)
TEXT_CHARS_MAX = 100_000
_NAME_CHARS_MAX = 300
NO_PROOF = Proof()


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A conversation and the pass to it; `sites` are those that may embed the agent, none: not limited."""

    visitor_pass: VisitorPass
    conversation: Conversation
    agent: Agent
    is_resumed: bool = False
    sites: tuple[str, ...] = ()

    @property
    def principal(self) -> Principal:
        """The visitor as a caller: of one agent, in one conversation."""
        return Principal(
            organization_id=self.conversation.organization_id,
            kind="visitor",
            id=self.visitor_pass.visitor_id,
            agent_ids=frozenset({self.conversation.agent_id}),
            conversation_id=self.conversation.id,
            key_id=self.visitor_pass.key_id,
        )


@dataclass(frozen=True, kw_only=True)
class Said:
    """What came of a visitor's message: a run that answers it, or none because a person has to."""

    run: Run | None
    message: Message | None
    statuses: tuple[ConversationStatus, ...] = ()


class Visitors:
    """People who chat. Every method that takes a pass checks that it is good for the conversation it is used in."""

    def __init__(self, *, store: Store, clock: Clock, runs: Runs, announcing: Announcing, gate: Gate) -> None:
        self._store = store
        self._clock = clock
        self._runs = runs
        self._announcing = announcing
        self._gate = gate
        self._limits = RateLimits()

    async def open(
        self,
        organization_id: str,
        external_id: str,
        *,
        agent_id: str,
        name: str = "",
        is_new: bool = False,
        key_id: str | None = None,
        proof: Proof = NO_PROOF,
    ) -> Opened:
        """Return the visitor's open conversation with the agent, or a new one; `is_new` always makes a new one.

        What is said in a new one counts for the API key `key_id`. NotPermitted when the agent's gate or lists want
        another proof (`Gate.check`).

        One transaction: of any number of callers at the same moment one makes the conversation and all get it.
        """
        if not external_id.strip() or len(external_id) > _NAME_CHARS_MAX or len(name) > _NAME_CHARS_MAX:
            raise InvalidRequest(f"A visitor's id has 1 to {_NAME_CHARS_MAX} characters.", code="invalid_visitor")
        new_ids = new_id("vis"), new_uuid(), new_uuid()
        admission = await self._gate.admit(organization_id, agent_id, proof)

        def unit(tx: Transaction) -> Opened:
            agent = tx.agents.get(organization_id, agent_id)
            if agent.status in ("paused", "archived"):
                raise Conflict(f"Agent {agent.name!r} is {agent.status}.", code="agent_not_active")
            visitor = self._visitor(tx, organization_id, external_id, name=name, new=new_ids[0], email=admission.email)
            self._gate.check(tx, agent, by=admission.by, visitor_id=visitor.id)
            known = None if is_new else self._resumable(tx, visitor, agent, admission.by)
            return known or self._begin(tx, visitor, agent, new_ids[1:], key_id=key_id, admitted_by=admission.by)

        try:
            return await self._store.write(unit)
        except Conflict as error:
            if error.code != "already_exists":
                raise
            # Another process made the visitor in this very moment.
            return await self._store.write(unit)

    async def find(self, organization_id: str, external_id: str, *, agent_id: str | None = None) -> Opened:
        """Return the visitor's newest open conversation; NotFound."""

        def unit(tx: Transaction) -> Opened:
            visitor = tx.visitors.first(organization_id, external_id=external_id)
            passes = (
                []
                if visitor is None
                else tx.visitor_passes.find(organization_id, visitor_id=visitor.id, newest_first=True, limit=20)
            )
            for one in passes:
                opened = None if agent_id not in (None, one.agent_id) else self._valid(tx, one)
                if opened is not None:
                    return opened
            raise NotFound("conversation", message=f"Visitor {external_id[:200]!r} has no open conversation.")

        return await self._store.read(unit)

    async def enter(self, pass_id: str, conversation_id: str, *, caller: Principal | None = None) -> Opened:
        """Return what a pass opens, extending it when little is left. What is said counts for the caller's key.

        NotFound for an unknown conversation, NotPermitted when the pass is for another one or the caller's organization
        is another or the agent is no longer open to the visitor (`Gate.check`), Gone when it has expired.
        """
        now = self._clock.now()

        def look(tx: Transaction) -> Opened:
            visitor_pass = tx.visitor_passes.by_id(pass_id)
            conversation = tx.visitor_passes.conversation(conversation_id)
            if conversation is None:
                raise NotFound("conversation", conversation_id[:100])
            if visitor_pass is None or visitor_pass.conversation_id != conversation.id:
                raise NotPermitted("This conversation is another visitor's.", code="not_yours")
            if caller is not None and caller.organization_id != conversation.organization_id:
                raise NotPermitted("This conversation is another visitor's.", code="not_yours")
            if visitor_pass.expires_at <= now:
                raise Gone("The conversation has expired; open a new one.", code="pass_expired")
            agent = tx.agents.get(conversation.organization_id, conversation.agent_id)
            by, visitor_id = visitor_pass.admitted_by, visitor_pass.visitor_id
            sites = self._gate.check(tx, agent, by=by, visitor_id=visitor_id)
            return Opened(visitor_pass=visitor_pass, conversation=conversation, agent=agent, sites=sites)

        opened = await self._store.read(look)
        if opened.visitor_pass.expires_at - now < EXTEND_BELOW:
            extended = replace(opened.visitor_pass, expires_at=now + LIFETIME)
            await self._store.write(lambda tx: tx.visitor_passes.put(extended))
            opened = replace(opened, visitor_pass=extended)
        if caller is not None and caller.key_id is not None:
            opened = replace(opened, visitor_pass=replace(opened.visitor_pass, key_id=caller.key_id))
        return opened

    async def say(self, opened: Opened, text: str, *, request_id: str = "") -> Said:
        """Have the agent answer, or, while a person handles the conversation, only keep the message.

        A frustrated visitor (by the agent's own rule) is handed to a person first. A message to a resolved conversation
        opens it again.
        """
        if not text.strip() or len(text) > TEXT_CHARS_MAX:
            raise InvalidRequest(f"A message has 1 to {TEXT_CHARS_MAX} characters.", code="invalid_message")
        status = opened.conversation.status
        escalation = opened.agent.settings.get("escalation")
        rule = escalation.get("frustration") if isinstance(escalation, dict) else None
        if status == "unresolved" and not is_frustrated(text, rule):
            return Said(run=await self.ask(opened, text, request_id=request_id), message=None)
        after: ConversationStatus = "escalated" if status == "unresolved" else status
        after = "unresolved" if status == "resolved" else after
        message = await self._keep(opened, text, after)
        return Said(run=None, message=message, statuses=(status, after) if status == "resolved" else (after,))

    async def ask(
        self,
        opened: Opened,
        text: str,
        *,
        request_id: str = "",
        guard: Callable[[Transaction], None] | None = None,
    ) -> Run:
        """Start the run that answers a message, as the visitor; LimitExceeded for more than 60 in a minute.

        See `Runs.start` for the guard.
        """
        conversation = opened.conversation
        self._limits.spend(opened.visitor_pass.visitor_id, MESSAGES_PER_MIN_MAX, self._clock.now())
        request = RunRequest(
            agent_id=conversation.agent_id,
            input=RunInput(messages=(InputMessage(role="user", text=text),)),
            conversation_id=conversation.id,
            visitor_id=opened.visitor_pass.visitor_id,
            request_id=request_id,
            channel="chat",
        )
        return await self._runs.start(opened.principal, request, guard=guard)

    async def ask_again(
        self, opened: Opened, message_id: str | None, text: str | None = None, *, request_id: str = ""
    ) -> Run:
        """Cut the conversation off before a visitor's message (None: the last one) and answer it, or this text, anew.

        Both happen or neither: who may not ask now keeps what was said. Conflict while an answer is being made,
        NotFound when there is no such message of the visitor, LimitExceeded for more than 60 in a minute.
        """
        if text is not None and not text.strip():
            raise InvalidRequest(f"A message has 1 to {TEXT_CHARS_MAX} characters.", code="invalid_message")
        conversation = opened.conversation
        chosen = await self._store.read(lambda tx: _own_message(tx, conversation.id, message_id))

        def cut(tx: Transaction) -> None:
            if tx.runs.active(conversation.id) is not None:
                raise Conflict("An answer is being made; stop it first.", code="conversation_busy")
            position = _own_message(tx, conversation.id, chosen.id).position
            tx.messages.cut(conversation.id, position)
            tx.conversations.touch(conversation.id, message_count=position - 1, at=self._clock.now())

        return await self.ask(opened, text or chosen.text, request_id=request_id, guard=cut)

    async def fork(self, opened: Opened, message_id: str | None) -> Opened:
        """Return a new conversation of the same visitor with the messages up to that one (None: all of them)."""
        now, pass_id, conversation_id = self._clock.now(), new_uuid(), new_uuid()
        source = opened.conversation

        def unit(tx: Transaction) -> Opened:
            messages = tx.messages.tail(source.id, 1000)
            if message_id is not None:
                ends = [number for number, one in enumerate(messages, 1) if one.id == message_id]
                if not ends:
                    raise NotFound("message", message_id)
                messages = messages[: ends[0]]
            copies = [
                replace(one, id=new_id("msg"), conversation_id=conversation_id, position=number, run_id=None)
                for number, one in enumerate(messages, 1)
            ]
            conversation = replace(
                source,
                id=conversation_id,
                external_id=conversation_id,
                created_at=now,
                updated_at=now,
                status="unresolved",
                message_count=len(copies),
                metadata={**source.metadata, "forked_from": source.id},
            )
            visitor_pass = replace(
                opened.visitor_pass,
                id=pass_id,
                conversation_id=conversation_id,
                created_at=now,
                expires_at=now + LIFETIME,
            )
            tx.conversations.add(conversation)
            tx.messages.add(*copies)
            tx.visitor_passes.add(visitor_pass)
            return replace(opened, conversation=conversation, visitor_pass=visitor_pass)

        return await self._store.write(unit)

    async def rate(self, opened: Opened, message_id: str, value: JSONObject) -> Message:
        """Keep a visitor's opinion of an answer (by the message's or its run's id); NotFound."""
        conversation = opened.conversation

        def unit(tx: Transaction) -> Message:
            found = tx.messages.first(conversation.organization_id, conversation_id=conversation.id, id=message_id)
            found = found or next(
                (
                    one
                    for one in tx.messages.find(conversation.organization_id, run_id=message_id, limit=10)
                    if one.conversation_id == conversation.id and one.role == "assistant"
                ),
                None,
            )
            if found is None:
                raise NotFound("message", message_id)
            rated = replace(found, data={**found.data, "feedback": value})
            tx.messages.put(rated)
            return rated

        return await self._store.write(unit)

    def _visitor(
        self, tx: Transaction, organization_id: str, external_id: str, *, name: str, new: str, email: str | None
    ) -> Visitor:
        known = tx.visitors.first(organization_id, external_id=external_id)
        if known is None:
            known = Visitor(
                id=new,
                organization_id=organization_id,
                external_id=external_id,
                name=name,
                email=email,
                is_authenticated=email is not None,
                created_at=self._clock.now(),
            )
            tx.visitors.add(known)
        else:
            # Written in any case: it makes two processes on PostgreSQL take turns.
            known = replace(
                known,
                name=name or known.name,
                email=email or known.email,
                is_authenticated=known.is_authenticated or email is not None,
            )
            tx.visitors.put(known)
        return known

    def _resumable(self, tx: Transaction, visitor: Visitor, agent: Agent, admitted_by: str | None) -> Opened | None:
        passes = tx.visitor_passes.find(
            visitor.organization_id, visitor_id=visitor.id, agent_id=agent.id, newest_first=True, limit=1
        )
        opened = self._valid(tx, passes[0]) if passes else None
        if opened is None:
            return None
        now = self._clock.now()
        visitor_pass = opened.visitor_pass
        if visitor_pass.expires_at - now < EXTEND_BELOW:
            visitor_pass = replace(visitor_pass, expires_at=now + LIFETIME)
        if admitted_by is not None:
            visitor_pass = replace(visitor_pass, admitted_by=admitted_by)
        if visitor_pass != opened.visitor_pass:
            tx.visitor_passes.put(visitor_pass)
        return replace(opened, visitor_pass=visitor_pass)

    def _valid(self, tx: Transaction, one: VisitorPass) -> Opened | None:
        conversation = tx.conversations.first(one.organization_id, id=one.conversation_id)
        agent = tx.agents.first(one.organization_id, id=one.agent_id)
        if conversation is None or agent is None or one.expires_at <= self._clock.now():
            return None
        return Opened(visitor_pass=one, conversation=conversation, agent=agent, is_resumed=True)

    def _begin(
        self,
        tx: Transaction,
        visitor: Visitor,
        agent: Agent,
        new_ids: tuple[str, ...],
        *,
        key_id: str | None,
        admitted_by: str | None,
    ) -> Opened:
        now = self._clock.now()
        conversation_id, pass_id = new_ids
        conversation = Conversation(
            id=conversation_id,
            organization_id=visitor.organization_id,
            agent_id=agent.id,
            external_id=conversation_id,
            created_at=now,
            updated_at=now,
            visitor_id=visitor.id,
            metadata={"channel": "chat"},
        )
        visitor_pass = VisitorPass(
            id=pass_id,
            organization_id=visitor.organization_id,
            visitor_id=visitor.id,
            agent_id=agent.id,
            conversation_id=conversation.id,
            created_at=now,
            expires_at=now + LIFETIME,
            key_id=key_id,
            admitted_by=admitted_by,
        )
        tx.conversations.add(conversation)
        tx.visitor_passes.add(visitor_pass)
        self._announcing.conversation_created(tx, conversation)
        return Opened(visitor_pass=visitor_pass, conversation=conversation, agent=agent)

    async def _keep(self, opened: Opened, text: str, status: ConversationStatus) -> Message:
        now, message_id = self._clock.now(), new_id("msg")

        def unit(tx: Transaction) -> Message:
            return keep_message(
                tx, self._announcing, opened.conversation, _new(message_id, text, now), status=status, actor="visitor"
            )

        return await self._store.write(unit)


@dataclass(frozen=True, kw_only=True)
class NewMessage:
    """A message before it has a place."""

    id: str
    role: str
    text: str
    at: datetime
    data: JSONObject


def _own_message(tx: Transaction, conversation_id: str, message_id: str | None) -> Message:
    messages = reversed(tx.messages.tail(conversation_id, 1000))
    chosen = next((one for one in messages if one.role == "user" and message_id in (None, one.id)), None)
    if chosen is None:
        raise NotFound("message", message_id or "")
    return chosen


def _new(message_id: str, text: str, at: datetime) -> NewMessage:
    return NewMessage(id=message_id, role="user", text=text, at=at, data={})


def keep_message(
    tx: Transaction,
    announcing: Announcing,
    conversation: Conversation,
    new: NewMessage,
    *,
    status: ConversationStatus,
    actor: str,
) -> Message:
    """Append a message that no run answers, and set the conversation's status with it."""
    current = tx.conversations.get(conversation.organization_id, conversation.id)
    message = Message(
        id=new.id,
        organization_id=current.organization_id,
        conversation_id=current.id,
        position=current.message_count + 1,
        role=new.role,  # type: ignore[arg-type]
        text=new.text,
        created_at=new.at,
        data=new.data,
    )
    tx.messages.add(message)
    tx.conversations.touch(current.id, message_count=message.position, at=new.at, title=new.text[:80])
    announcing.message_created(tx, message)
    set_status(tx, announcing, current.organization_id, current.id, status=status, actor=actor)
    return message


def set_status(
    tx: Transaction,
    announcing: Announcing,
    organization_id: str,
    conversation_id: str,
    *,
    status: ConversationStatus,
    actor: str,
) -> Conversation:
    """Set a conversation's status and tell of it; nothing is told when it has that status already."""
    current = tx.conversations.get(organization_id, conversation_id)
    if current.status == status:
        return current
    changed = replace(current, status=status)
    tx.conversations.put(changed)
    announcing.status_changed(tx, changed, actor)
    return changed
