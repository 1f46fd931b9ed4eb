"""Conversations as their readers see them. Runs open and extend them; here they are listed, read and deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trivium.core.errors import NotFound
from trivium.core.model.conversations import Conversation, Message
from trivium.core.model.runs import RunStatus
from trivium.core.ports import Store, Transaction
from trivium.core.services.removal import Removal

MESSAGES_MAX = 1000
_UNFINISHED_MAX = 1000


@dataclass(frozen=True, kw_only=True)
class ConversationPage:
    """Conversations, newest first; `unfinished` has the status of those that are being answered, by id."""

    conversations: Sequence[Conversation]
    total: int
    has_more: bool
    unfinished: Mapping[str, RunStatus]


class Conversations:
    """The conversations of agents, in one organization at a time."""

    def __init__(self, *, store: Store, removal: Removal) -> None:
        self._store = store
        self._removal = removal

    async def page(
        self, organization_id: str, agent_id: str, *, before: str | None = None, limit: int = 10
    ) -> ConversationPage:
        """Return those with messages, newest first; `before` is the external id of the one a page begins behind.

        NotFound when there is no such conversation.
        """

        def unit(tx: Transaction) -> ConversationPage:
            start = None if before is None else _named(tx, organization_id, agent_id, before)
            found, total = tx.conversations.recent(organization_id, agent_id, before=start, limit=limit + 1)
            return ConversationPage(
                conversations=found[:limit],
                total=total,
                has_more=len(found) > limit,
                unfinished=dict(reversed(tx.runs.unfinished(organization_id, agent_id, _UNFINISHED_MAX))),
            )

        return await self._store.read(unit)

    async def active(self, organization_id: str, agent_id: str, *, limit: int = 50) -> ConversationPage:
        """Return those that are being answered now, the one that spoke last first."""

        def unit(tx: Transaction) -> ConversationPage:
            found = tx.conversations.answering(organization_id, agent_id, limit)
            return ConversationPage(
                conversations=found,
                total=len(found),
                has_more=False,
                unfinished=dict(reversed(tx.runs.unfinished(organization_id, agent_id, _UNFINISHED_MAX))),
            )

        return await self._store.read(unit)

    async def named(self, organization_id: str, agent_id: str, external_id: str) -> Conversation:
        """Return the conversation the caller knows by this name; NotFound."""
        return await self._store.read(lambda tx: _named(tx, organization_id, agent_id, external_id))

    async def messages(
        self, organization_id: str, conversation_id: str, *, limit: int = MESSAGES_MAX
    ) -> Sequence[Message]:
        """Return the last messages, oldest first; NotFound."""

        def unit(tx: Transaction) -> Sequence[Message]:
            tx.conversations.get(organization_id, conversation_id)
            return tx.messages.tail(conversation_id, limit)

        return await self._store.read(unit)

    async def delete(self, organization_id: str, conversation_id: str) -> None:
        """Delete it with its messages, runs, events and pictures; NotFound.

        A run that goes on loses its record and so ends without one; what it used until then is lost with it.
        """

        def unit(tx: Transaction) -> None:
            tx.conversations.get(organization_id, conversation_id)
            self._removal.conversation(tx, organization_id, conversation_id)

        await self._store.write(unit)


def _named(tx: Transaction, organization_id: str, agent_id: str, external_id: str) -> Conversation:
    found = tx.conversations.by_external_id(organization_id, agent_id, external_id)
    if found is None:
        raise NotFound("conversation", external_id[:200])
    return found
