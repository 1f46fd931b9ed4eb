"""Files that agents made, found by their id alone."""

from sqlalchemy import bindparam, select

from trivium.adapters.sql import schema
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.desk import MadeFile

_f = schema.made_files.c
_BY_ID = Prepared(select(*_f).where(_f.id == bindparam("b_id")))


class SqlMadeFiles(SqlRecords[MadeFile]):
    """See `core.ports.store.MadeFiles`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.made_files, "file")

    def by_id(self, file_id: str) -> MadeFile | None:
        """Return the file, whosever it is."""
        row = self._session.run(_BY_ID, {"b_id": file_id}).fetchone()
        return None if row is None else self._codec.from_row(row)
