"""Requests that are answered once."""

from datetime import datetime

from sqlalchemy import bindparam, delete, select

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.requests import OnceRequest

_o = schema.once_requests.c
_old = select(_o.id).where(_o.created_at < bindparam("b_before")).limit(bindparam("b_limit"))
_PURGE = Prepared(delete(schema.once_requests).where(_o.id.in_(_old.scalar_subquery())))


class SqlOnceRequests(SqlRecords[OnceRequest]):
    """See `core.ports.store.OnceRequests`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.once_requests, "request")

    def purge(self, before: datetime, limit: int) -> int:
        """Delete requests of any organization that were made before."""
        values = {"b_before": to_micros(before), "b_limit": limit}
        return int(self._session.run(_PURGE, values).rowcount)
