"""Requests of machines to be signed in; they belong to no organization until somebody approves."""

from datetime import datetime

from sqlalchemy import bindparam, delete, func, select, update

from trivium.adapters.sql import schema
from trivium.adapters.sql.codec import to_micros
from trivium.adapters.sql.records import Session
from trivium.adapters.sql.statements import Prepared
from trivium.core.errors import NotFound
from trivium.core.model.devices import DeviceRequest

_table = schema.device_requests
_c = _table.c
_ADD = Prepared(_table.insert().values({column.name: bindparam(column.name) for column in _c}))
_PUT = Prepared(
    update(_table)
    .where(_c.id == bindparam("b_id"))
    .values({column.name: bindparam(column.name) for column in _c if column.name != "id"})
)
_BY_ID = Prepared(select(*_c).where(_c.id == bindparam("b_id")))
_BY_CODE = Prepared(select(*_c).where(_c.code_hash == bindparam("b_hash")))
_BY_USER_CODE = Prepared(select(*_c).where(_c.user_code_hash == bindparam("b_hash")))
_OPEN = select(func.count()).where(_c.status == "pending", _c.expires_at > bindparam("b_now"))
_COUNT = Prepared(_OPEN)
_COUNT_OF = Prepared(_OPEN.where(_c.source == bindparam("b_source")))
_FORGET = Prepared(delete(_table).where(_c.expires_at < bindparam("b_before")))


class SqlDeviceRequests:
    """See `core.ports.store.DeviceRequests`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._codec = schema.codecs["device_requests"]

    def add(self, request: DeviceRequest) -> None:
        """Insert; Conflict when a code is taken."""
        self._session.run(_ADD, self._codec.to_row(request))

    def put(self, request: DeviceRequest) -> None:
        """Replace by id; NotFound."""
        row = self._codec.to_row(request)
        row["b_id"] = row["id"]
        if self._session.run(_PUT, row).rowcount != 1:
            raise NotFound("device_request", request.id)

    def by_id(self, request_id: str) -> DeviceRequest | None:
        """Return the request, or None."""
        return self._one(_BY_ID, {"b_id": request_id})

    def by_code(self, code_hash: str) -> DeviceRequest | None:
        """Return the request of a machine's own code."""
        return self._one(_BY_CODE, {"b_hash": code_hash})

    def by_user_code(self, user_code_hash: str) -> DeviceRequest | None:
        """Return the request of a code that a person types."""
        return self._one(_BY_USER_CODE, {"b_hash": user_code_hash})

    def open_count(self, now: datetime, *, source: str | None = None) -> int:
        """Return how many wait for an answer; of one source, if it is named."""
        values: dict[str, object] = {"b_now": to_micros(now)}
        if source is None:
            return int(self._session.run(_COUNT, values).fetchone()[0])
        return int(self._session.run(_COUNT_OF, {**values, "b_source": source}).fetchone()[0])

    def forget(self, before: datetime) -> None:
        """Delete those that expired before."""
        self._session.run(_FORGET, {"b_before": to_micros(before)})

    def _one(self, statement: Prepared, values: dict[str, str]) -> DeviceRequest | None:
        row = self._session.run(statement, values).fetchone()
        return None if row is None else self._codec.from_row(row)
