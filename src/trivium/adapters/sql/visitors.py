"""Passes of visitors, found before the organization is known."""

from sqlalchemy import bindparam, select

from trivium.adapters.sql import schema
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.conversations import Conversation
from trivium.core.model.visitors import VisitorPass

_PASS = Prepared(select(*schema.visitor_passes.c).where(schema.visitor_passes.c.id == bindparam("b_id")))
_CONVERSATION = Prepared(select(*schema.conversations.c).where(schema.conversations.c.id == bindparam("b_id")))


class SqlVisitorPasses(SqlRecords[VisitorPass]):
    """See `core.ports.store.VisitorPasses`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.visitor_passes, "visitor_pass")

    def by_id(self, pass_id: str) -> VisitorPass | None:
        """Return the pass, whosever it is."""
        row = self._session.run(_PASS, {"b_id": pass_id}).fetchone()
        return None if row is None else self._codec.from_row(row)

    def conversation(self, conversation_id: str) -> Conversation | None:
        """Return the conversation, whosever it is."""
        row = self._session.run(_CONVERSATION, {"b_id": conversation_id}).fetchone()
        return None if row is None else schema.codecs["conversations"].from_row(row)
