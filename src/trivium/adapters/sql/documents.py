"""Documents and collections; each change of one moves the number that search caches go by."""

from sqlalchemy import bindparam, select, update

from trivium.adapters.sql import schema
from trivium.adapters.sql.records import Session, SqlRecords, T
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.knowledge import Document
from trivium.core.ports.records import Scalar

_v = schema.knowledge_versions.c
_d = schema.documents.c
_VERSION = Prepared(select(_v.version).where(_v.organization_id == bindparam("b_organization")))
_INSERT = Prepared(
    schema.knowledge_versions.insert().values(
        organization_id=bindparam("organization_id"), version=bindparam("version")
    )
)
_BUMP = Prepared(
    update(schema.knowledge_versions)
    .where(_v.organization_id == bindparam("b_organization"))
    .values(version=_v.version + 1)
)
_NOTE = Prepared(
    update(schema.documents)
    .where(
        _d.organization_id == bindparam("b_organization"),
        _d.id == bindparam("b_id"),
        _d.blob_key == bindparam("b_blob"),
    )
    .values(stage=bindparam("b_stage"), progress=bindparam("b_progress"))
)
_OTHERWISE = Prepared(
    select(*_d).where(_d.revision.is_not(None), _d.embedder != bindparam("b_encoding")).limit(bindparam("b_limit"))
)


class VersionedRecords(SqlRecords[T]):
    """Records whose every change moves the organization's number, in the same transaction."""

    def add(self, *records: T) -> None:
        """Insert; see the port."""
        super().add(*records)
        for record in records:
            self._moved(self._owner(record))

    def put(self, record: T) -> None:
        """Replace; see the port."""
        super().put(record)
        self._moved(self._owner(record))

    def remove_where(self, organization_id: str, **equals: Scalar) -> int:
        """Delete; see the port."""
        removed = super().remove_where(organization_id, **equals)
        self._moved(organization_id)
        return removed

    def version(self, organization_id: str) -> int:
        """Return the number, 0 before the first change."""
        row = self._session.run(_VERSION, {"b_organization": organization_id}).fetchone()
        return 0 if row is None else int(row[0])

    def _moved(self, organization_id: str) -> None:
        if self._session.run(_BUMP, {"b_organization": organization_id}).rowcount == 0:
            self._session.run(_INSERT, {"organization_id": organization_id, "version": 1})

    def _owner(self, record: T) -> str:
        return str(getattr(record, self._owner_column))


class SqlDocuments(VersionedRecords[Document]):
    """See `core.ports.store.Documents`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.documents, "document")

    def note(self, document: Document, stage: str, progress: int) -> None:
        """Write how far the indexing of this version is; the number stays, because nothing becomes findable by it."""
        values = {
            "b_organization": document.organization_id,
            "b_id": document.id,
            "b_blob": document.blob_key,
            "b_stage": stage,
            "b_progress": progress,
        }
        self._session.run(_NOTE, values)

    def encoded_otherwise(self, encoding: str, limit: int) -> list[Document]:
        """Return searchable documents of all organizations that are encoded in another way."""
        rows = self._session.run(_OTHERWISE, {"b_encoding": encoding, "b_limit": limit}).fetchall()
        return [self._codec.from_row(row) for row in rows]
