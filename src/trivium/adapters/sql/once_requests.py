"""Requests that are answered once."""

from datetime import datetime

from sqlalchemy import bindparam, delete, select, update

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.requests import OnceRequest

_o = schema.once_requests.c
_old = select(_o.id).where(_o.created_at < bindparam("b_before")).limit(bindparam("b_limit"))
_PURGE = Prepared(delete(schema.once_requests).where(_o.id.in_(_old.scalar_subquery())))
_END_LEASES = Prepared(
    update(schema.once_requests)
    .where(_o.status.is_(None), _o.leased_until > bindparam("b_now"))
    .values(leased_until=bindparam("b_at"))
)


class SqlOnceRequests(SqlRecords[OnceRequest]):
    """See `core.ports.store.OnceRequests`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.once_requests, "request")

    def purge(self, before: datetime, limit: int) -> int:
        """Delete requests of any organization that were made before."""
        values = {"b_before": to_micros(before), "b_limit": limit}
        return int(self._session.run(_PURGE, values).rowcount)

    def end_leases(self, now: datetime) -> int:
        """Let every request that is being answered be taken by another."""
        values = {"b_now": to_micros(now), "b_at": to_micros(now)}
        return int(self._session.run(_END_LEASES, values).rowcount)
