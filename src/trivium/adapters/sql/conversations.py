"""Conversations and their messages."""

from datetime import datetime

from sqlalchemy import bindparam, delete, exists, func, or_, select, update

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.conversations import Conversation, Message, PastMessage

_c = schema.conversations.c
_m = schema.messages.c

_BY_EXTERNAL = Prepared(
    select(*_c).where(
        _c.agent_id == bindparam("b_agent"),
        _c.external_id == bindparam("b_external"),
        _c.organization_id == bindparam("b_organization"),
    )
)
_OF_AGENT = (
    _c.organization_id == bindparam("b_organization"),
    _c.agent_id == bindparam("b_agent"),
    _c.message_count > 0,
)
_NEWEST = (_c.updated_at.desc(), _c.id.desc())
_RECENT = Prepared(select(*_c).where(*_OF_AGENT).order_by(*_NEWEST).limit(bindparam("b_limit")))
_OLDER = Prepared(
    select(*_c)
    .where(
        *_OF_AGENT,
        or_(
            _c.updated_at < bindparam("b_at"),
            (_c.updated_at == bindparam("b_same")) & (_c.id < bindparam("b_before")),
        ),
    )
    .order_by(*_NEWEST)
    .limit(bindparam("b_limit"))
)
_r = schema.runs.c
_UNFINISHED = or_(*(_r.status == status for status in ("queued", "running", "waiting")))
_ANSWERING = Prepared(
    select(*_c)
    .where(
        _c.organization_id == bindparam("b_organization"),
        _c.agent_id == bindparam("b_agent"),
        exists().where(_r.conversation_id == _c.id, _r.finished_at.is_(None), _UNFINISHED),
    )
    .order_by(*_NEWEST)
    .limit(bindparam("b_limit"))
)
_COUNT = Prepared(select(func.count()).where(*_OF_AGENT))
_TOUCH = Prepared(
    update(schema.conversations)
    .where(_c.id == bindparam("b_id"))
    .values(
        message_count=bindparam("b_count"),
        updated_at=bindparam("b_at"),
        title=func.coalesce(func.nullif(_c.title, ""), bindparam("b_title")),
    )
)
_GROW = Prepared(
    update(schema.conversations)
    .where(_c.id == bindparam("b_id"))
    .values(message_count=_c.message_count + 1, updated_at=bindparam("b_at"))
    .returning(_c.message_count)
)
_TAIL = Prepared(
    select(*_m)
    .where(_m.conversation_id == bindparam("b_conversation"))
    .order_by(_m.position.desc())
    .limit(bindparam("b_limit"))
)
_PAST = Prepared(
    select(_m.role, _m.text, _m.run_id)
    .where(_m.conversation_id == bindparam("b_conversation"))
    .order_by(_m.position.desc())
    .limit(bindparam("b_limit"))
)
_SINCE = Prepared(
    select(*_m)
    .where(_m.conversation_id == bindparam("b_conversation"), _m.position > bindparam("b_after"))
    .order_by(_m.position)
    .limit(bindparam("b_limit"))
)
_CUT = Prepared(
    delete(schema.messages).where(
        _m.conversation_id == bindparam("b_conversation"), _m.position >= bindparam("b_position")
    )
)
_OF_VISITORS = (_c.organization_id == bindparam("b_organization"), _c.visitor_id.is_not(None), _c.message_count > 0)
_BEFORE = or_(
    _c.updated_at < bindparam("b_at"), (_c.updated_at == bindparam("b_same")) & (_c.id < bindparam("b_before"))
)
_INBOX = {
    (has_status, has_before): Prepared(
        select(*_c)
        .where(
            *_OF_VISITORS,
            *([_c.status == bindparam("b_status")] if has_status else []),
            *([_BEFORE] if has_before else []),
        )
        .order_by(*_NEWEST)
        .limit(bindparam("b_limit"))
    )
    for has_status in (True, False)
    for has_before in (True, False)
}


class SqlConversations(SqlRecords[Conversation]):
    """See `core.ports.store.Conversations`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.conversations, "conversation")

    def by_external_id(self, organization_id: str, agent_id: str, external_id: str) -> Conversation | None:
        """Return the conversation the caller knows by this name."""
        values = {"b_organization": organization_id, "b_agent": agent_id, "b_external": external_id}
        row = self._session.run(_BY_EXTERNAL, values).fetchone()
        return None if row is None else self._codec.from_row(row)

    def recent(
        self, organization_id: str, agent_id: str, *, before: Conversation | None, limit: int
    ) -> tuple[list[Conversation], int]:
        """Return a page, newest first, and how many there are in all."""
        values: dict[str, object] = {"b_organization": organization_id, "b_agent": agent_id}
        total = int(self._session.run(_COUNT, values).fetchone()[0])
        values["b_limit"] = limit
        statement = _RECENT
        if before is not None:
            at = to_micros(before.updated_at)
            values |= {"b_at": at, "b_same": at, "b_before": before.id}
            statement = _OLDER
        rows = self._session.run(statement, values).fetchall()
        return [self._codec.from_row(row) for row in rows], total

    def inbox(
        self, organization_id: str, *, status: str | None, before: Conversation | None, limit: int
    ) -> list[Conversation]:
        """Return the visitors' conversations, the last changed first."""
        values: dict[str, object] = {"b_organization": organization_id, "b_limit": limit, "b_status": status}
        if before is not None:
            at = to_micros(before.updated_at)
            values |= {"b_at": at, "b_same": at, "b_before": before.id}
        rows = self._session.run(_INBOX[(status is not None, before is not None)], values).fetchall()
        return [self._codec.from_row(row) for row in rows]

    def answering(self, organization_id: str, agent_id: str, limit: int) -> list[Conversation]:
        """Return conversations with a run that has not ended, newest first."""
        values = {"b_organization": organization_id, "b_agent": agent_id, "b_limit": limit}
        return [self._codec.from_row(row) for row in self._session.run(_ANSWERING, values).fetchall()]

    def touch(self, conversation_id: str, *, message_count: int, at: datetime, title: str | None = None) -> None:
        """Set count and time; the title only where none is set."""
        values = {
            "b_id": conversation_id,
            "b_count": message_count,
            "b_at": to_micros(at),
            "b_title": title or "",
        }
        self._session.run(_TOUCH, values)

    def grow(self, conversation_id: str, *, at: datetime) -> int | None:
        """Count one more message and return the new count."""
        rows = self._session.run(_GROW, {"b_id": conversation_id, "b_at": to_micros(at)}).fetchall()
        return int(rows[0][0]) if rows else None


class SqlMessages(SqlRecords[Message]):
    """See `core.ports.store.Messages`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.messages, "message")

    def tail(self, conversation_id: str, limit: int) -> list[Message]:
        """Return the last messages, oldest first."""
        rows = self._session.run(_TAIL, {"b_conversation": conversation_id, "b_limit": limit}).fetchall()
        return [self._codec.from_row(row) for row in reversed(rows)]

    def past(self, conversation_id: str, limit: int) -> list[PastMessage]:
        """Return the last messages, oldest first, as a model sees them."""
        rows = self._session.run(_PAST, {"b_conversation": conversation_id, "b_limit": limit}).fetchall()
        return [*map(PastMessage._make, reversed(rows))]

    def since(self, conversation_id: str, after: int, limit: int) -> list[Message]:
        """Return messages with a greater position, oldest first."""
        values = {"b_conversation": conversation_id, "b_after": after, "b_limit": limit}
        return [self._codec.from_row(row) for row in self._session.run(_SINCE, values).fetchall()]

    def cut(self, conversation_id: str, position: int) -> int:
        """Delete the messages from this position on."""
        values = {"b_conversation": conversation_id, "b_position": position}
        return int(self._session.run(_CUT, values).rowcount)
