"""Conversations for the people who answer: list, read, reply, take over, hand back; and reading them live."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from trivium.core.errors import InvalidRequest
from trivium.core.model.access import Principal
from trivium.core.model.conversations import Conversation, ConversationStatus, Message, Visitor
from trivium.core.model.ids import new_id
from trivium.core.ports import Clock, Store, Transaction
from trivium.core.services.announcing import Announcing
from trivium.core.services.visitors import TEXT_CHARS_MAX, NewMessage, keep_message, set_status

_MESSAGES_MAX = 500
_POLL_S = 1.0
_BATCH = 100


@dataclass(frozen=True, kw_only=True)
class Correspondence:
    """A conversation as a person reads it."""

    conversation: Conversation
    visitor: Visitor | None
    messages: Sequence[Message] = ()


@dataclass(frozen=True, kw_only=True)
class News:
    """What is new in a conversation that is watched: a message, or its status."""

    position: int
    message: Message | None = None
    status: ConversationStatus | None = None


class Inbox:
    """What a support team works with."""

    def __init__(self, *, store: Store, clock: Clock, announcing: Announcing) -> None:
        self._store = store
        self._clock = clock
        self._announcing = announcing
        self._watchers: dict[str, set[asyncio.Event]] = {}

    async def page(
        self, organization_id: str, *, status: str | None = None, before: str | None = None, limit: int = 50
    ) -> list[Correspondence]:
        """Return visitors' conversations over all agents, the last changed first; `before` pages by id."""

        def unit(tx: Transaction) -> list[Correspondence]:
            start = None if before is None else tx.conversations.get(organization_id, before)
            found = tx.conversations.inbox(organization_id, status=status, before=start, limit=limit)
            ids = {one.visitor_id for one in found if one.visitor_id}
            visitors = {one: tx.visitors.first(organization_id, id=one) for one in ids}
            return [Correspondence(conversation=one, visitor=visitors.get(one.visitor_id or "")) for one in found]

        return await self._store.read(unit)

    async def read(self, organization_id: str, conversation_id: str) -> Correspondence:
        """Return a conversation with its last 500 messages; NotFound."""

        def unit(tx: Transaction) -> Correspondence:
            conversation = tx.conversations.get(organization_id, conversation_id)
            visitor = (
                tx.visitors.first(organization_id, id=conversation.visitor_id) if conversation.visitor_id else None
            )
            messages = tx.messages.tail(conversation.id, _MESSAGES_MAX)
            return Correspondence(conversation=conversation, visitor=visitor, messages=messages)

        return await self._store.read(unit)

    async def reply(self, principal: Principal, conversation_id: str, text: str) -> Message:
        """Say something as a person; the conversation is that person's from then on (escalated). NotFound."""
        if not text.strip() or len(text) > TEXT_CHARS_MAX:
            raise InvalidRequest(f"A message has 1 to {TEXT_CHARS_MAX} characters.", code="invalid_message")
        author = principal.name or principal.id
        new = NewMessage(id=new_id("msg"), role="human", text=text, at=self._clock.now(), data={"author": author})

        def unit(tx: Transaction) -> Message:
            conversation = tx.conversations.get(principal.organization_id, conversation_id)
            return keep_message(tx, self._announcing, conversation, new, status="escalated", actor=author)

        message = await self._store.write(unit)
        self.nudge(conversation_id)
        return message

    async def set_status(self, principal: Principal, conversation_id: str, status: ConversationStatus) -> Conversation:
        """Escalate, resolve, or hand back to the agent (unresolved). NotFound."""
        actor = principal.name or principal.id
        changed = await self._store.write(
            lambda tx: set_status(
                tx, self._announcing, principal.organization_id, conversation_id, status=status, actor=actor
            )
        )
        self.nudge(conversation_id)
        return changed

    def nudge(self, conversation_id: str) -> None:
        """Have those who watch the conversation in this process look at once."""
        for event in self._watchers.get(conversation_id, ()):
            event.set()

    async def watch(self, organization_id: str, conversation_id: str, after: int) -> AsyncGenerator[News, None]:
        """Yield what people and agents say after a position, and changes of the status, until the reader leaves.

        What other processes write is seen within a second.
        """
        status: ConversationStatus | None = None
        event = asyncio.Event()
        watchers = self._watchers.setdefault(conversation_id, set())
        watchers.add(event)
        try:
            while True:
                event.clear()
                found, messages = await self._look(organization_id, conversation_id, after)
                if found is None:
                    return
                for message in messages:
                    after = message.position
                    yield News(position=after, message=message)
                if found.status != status:
                    status = found.status
                    yield News(position=after, status=status)
                if len(messages) < _BATCH:
                    await _signal_or_pause(event)
        finally:
            watchers.discard(event)
            if not watchers and self._watchers.get(conversation_id) is watchers:
                del self._watchers[conversation_id]

    async def _look(
        self, organization_id: str, conversation_id: str, after: int
    ) -> tuple[Conversation | None, list[Message]]:
        def unit(tx: Transaction) -> tuple[Conversation | None, list[Message]]:
            found = tx.conversations.first(organization_id, id=conversation_id)
            return found, tx.messages.since(conversation_id, after, _BATCH)

        return await self._store.read(unit)


async def _signal_or_pause(event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(_POLL_S):
            await event.wait()
    except TimeoutError:
        return
