"""The event log of runs."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from trivium.adapters.sql.codec import from_micros, to_json, to_micros
from trivium.adapters.sql.records import Session
from trivium.adapters.sql.schema import run_events, runs
from trivium.adapters.sql.statements import Prepared
from trivium.core.errors import Conflict
from trivium.core.events import EVENT_TYPES, RunEvent, StoredEvent

_PIECES = ("TextDelta", "ReasoningDelta")
_INSERT = Prepared(insert(run_events).values({column.name: bindparam(column.name) for column in run_events.c}))
_ADVANCE = Prepared(
    update(runs)
    .where(
        runs.c.id == bindparam("b_run"),
        runs.c.event_count == bindparam("b_before"),
        runs.c.lease_owner == bindparam("b_owner"),
    )
    .values(event_count=bindparam("b_after"))
)
_READ = Prepared(
    select(run_events.c.seq, run_events.c.at, run_events.c.type, run_events.c.data)
    .where(run_events.c.run_id == bindparam("b_run"), run_events.c.seq > bindparam("b_after"))
    .order_by(run_events.c.seq)
    .limit(bindparam("b_limit"))
)
_OUTLINE = Prepared(
    select(runs.c.id, run_events.c.seq, run_events.c.at, run_events.c.type, run_events.c.data)
    .join(run_events, run_events.c.run_id == runs.c.id)
    .where(runs.c.conversation_id == bindparam("b_conversation"), *(run_events.c.type != name for name in _PIECES))
    .order_by(runs.c.created_at.desc(), runs.c.id.desc(), run_events.c.seq.desc())
    .limit(bindparam("b_limit"))
)
_REMOVE = Prepared(
    delete(run_events).where(
        run_events.c.run_id.in_(select(runs.c.id).where(runs.c.conversation_id == bindparam("b_conversation")))
    )
)
_decoders = {name: msgspec.json.Decoder(cls) for name, cls in EVENT_TYPES.items()}


class SqlEventLog:
    """See `core.ports.store.EventLog`."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, run_id: str, owner: str, first_seq: int, events: Sequence[tuple[datetime, RunEvent]]) -> None:
        """Write events in order. The run's own counter is the guard: it moves only for the lease's holder, from the
        number this writer believes in, so two writers can never interleave.
        """
        moved = self._session.run(
            _ADVANCE,
            {
                "b_run": run_id,
                "b_before": first_seq - 1,
                "b_owner": owner,
                "b_after": first_seq - 1 + len(events),
            },
        ).rowcount
        if moved != 1:
            raise Conflict(f"Run {run_id} is driven by another process.", code="lease_lost")
        self._insert(run_id, first_seq, events)

    def begin(self, run_id: str, at: datetime, event: RunEvent) -> None:
        """Write the first event; see the port."""
        self._insert(run_id, 1, [(at, event)])

    def _insert(self, run_id: str, first_seq: int, events: Sequence[tuple[datetime, RunEvent]]) -> None:
        rows = [
            {
                "run_id": run_id,
                "seq": seq,
                "at": to_micros(at),
                "type": type(event).__name__,
                "data": to_json(event),
            }
            for seq, (at, event) in enumerate(events, first_seq)
        ]
        self._session.run_many(_INSERT, rows)
        self._session.signals.add(("events", run_id))

    def read(self, run_id: str, after: int, limit: int) -> list[StoredEvent]:
        """Return events with a greater sequence number, in order."""
        rows = self._session.run(_READ, {"b_run": run_id, "b_after": after, "b_limit": limit}).fetchall()
        return [StoredEvent(seq, from_micros(at), _decoders[name].decode(data)) for seq, at, name, data in rows]

    def outline(self, conversation_id: str, limit: int) -> list[tuple[str, StoredEvent]]:
        """Return the newest events of a conversation without its text pieces, in order."""
        rows = self._session.run(_OUTLINE, {"b_conversation": conversation_id, "b_limit": limit}).fetchall()
        return [
            (run_id, StoredEvent(seq, from_micros(at), _decoders[name].decode(data)))
            for run_id, seq, at, name, data in reversed(rows)
        ]

    def remove_of(self, conversation_id: str) -> int:
        """Delete the events of all runs of a conversation."""
        return int(self._session.run(_REMOVE, {"b_conversation": conversation_id}).rowcount)
