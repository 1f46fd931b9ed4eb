"""Outgoing signed calls."""

from datetime import datetime

from sqlalchemy import bindparam, delete, literal_column, select

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.deliveries import Delivery

_d = schema.deliveries.c
_old = (
    select(_d.id)
    .where(_d.status == literal_column("'delivered'"), _d.finished_at < bindparam("b_before"))
    .order_by(_d.finished_at, _d.id)
    .limit(bindparam("b_limit"))
)
_PURGE_ATTEMPTS = Prepared(delete(schema.delivery_attempts).where(schema.delivery_attempts.c.delivery_id.in_(_old)))
_PURGE = Prepared(delete(schema.deliveries).where(_d.id.in_(_old)))


class SqlDeliveries(SqlRecords[Delivery]):
    """See `core.ports.store.Deliveries`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.deliveries, "delivery")

    def purge(self, before: datetime, limit: int) -> int:
        """Delete old delivered ones with their log; see the port."""
        values = {"b_before": to_micros(before), "b_limit": limit}
        self._session.run(_PURGE_ATTEMPTS, values)
        return int(self._session.run(_PURGE, values).rowcount)
