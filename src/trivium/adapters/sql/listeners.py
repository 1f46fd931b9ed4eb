"""Those who listen to events, and what they are told."""

from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, update

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.deliveries import HeardEvent, Listener

_l = schema.listeners.c
_h = schema.heard_events.c
_OF_LISTENER = _h.listener_id == bindparam("b_listener")

_ENDED = Prepared(select(*_l).where(_l.expires_at < bindparam("b_now")).order_by(_l.id).limit(bindparam("b_limit")))
_WAITING = Prepared(select(func.count()).select_from(schema.heard_events).where(_OF_LISTENER, _h.seq.is_(None)))
_UNNUMBERED = Prepared(
    select(_h.id).where(_OF_LISTENER, _h.seq.is_(None)).order_by(_h.created_at, _h.id).limit(bindparam("b_limit"))
)
_LAST = Prepared(select(func.max(_h.seq)).where(_OF_LISTENER))
_NUMBER = Prepared(
    update(schema.heard_events).where(_h.id == bindparam("b_id"), _h.seq.is_(None)).values(seq=bindparam("b_seq"))
)
_AFTER = Prepared(
    select(*_h).where(_OF_LISTENER, _h.seq > bindparam("b_seq")).order_by(_h.seq).limit(bindparam("b_limit"))
)
_FORGET = Prepared(delete(schema.heard_events).where(_OF_LISTENER, _h.seq <= bindparam("b_seq")))


class SqlListeners(SqlRecords[Listener]):
    """See `core.ports.store.Listeners`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.listeners, "listener")

    def ended(self, now: datetime, limit: int) -> list[Listener]:
        """Return those that have left; see the port."""
        rows = self._session.run(_ENDED, {"b_now": to_micros(now), "b_limit": limit}).fetchall()
        return [self._codec.from_row(row) for row in rows]


class SqlHeardEvents(SqlRecords[HeardEvent]):
    """See `core.ports.store.HeardEvents`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.heard_events, "heard_event")

    def add(self, *records: HeardEvent) -> None:
        """Insert, and wake the listeners."""
        super().add(*records)
        for record in records:
            self._session.signals.add(("listening", record.listener_id))

    def waiting(self, listener_id: str) -> int:
        """Return how many have no number; see the port."""
        return int(self._session.run(_WAITING, {"b_listener": listener_id}).fetchone()[0])

    def number(self, listener_id: str, limit: int) -> int:
        """Give numbers; see the port. Of two at the same moment one is refused by the unique index, and looks again."""
        values = {"b_listener": listener_id, "b_limit": limit}
        found = self._session.run(_UNNUMBERED, values).fetchall()
        if found:
            last = self._session.run(_LAST, {"b_listener": listener_id}).fetchone()[0] or 0
            for seq, row in enumerate(found, last + 1):
                self._session.run(_NUMBER, {"b_id": row[0], "b_seq": seq})
        return len(found)

    def after(self, listener_id: str, seq: int, limit: int) -> list[HeardEvent]:
        """Return what comes after a number; see the port."""
        values = {"b_listener": listener_id, "b_seq": seq, "b_limit": limit}
        return [self._codec.from_row(row) for row in self._session.run(_AFTER, values).fetchall()]

    def forget(self, listener_id: str, up_to: int) -> None:
        """Delete what was taken; see the port."""
        self._session.run(_FORGET, {"b_listener": listener_id, "b_seq": up_to})
