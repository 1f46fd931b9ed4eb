"""Passages of documents and their codes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, delete, insert, select

from trivium.adapters.sql import schema
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.statements import Prepared
from trivium.core.model.json import JSON
from trivium.core.model.knowledge import Document, Passage
from trivium.core.ports.knowledge import EncodedPassage

_p = schema.passages.c
_k = schema.passage_codes.c
_HAS_CODE = select(_k.passage_id).where(_k.passage_id == _p.id, _k.encoding == bindparam("b_encoding")).exists()
_UNCODED = Prepared(
    select(*_p)
    .where(
        _p.organization_id == bindparam("b_organization"),
        _p.document_id == bindparam("b_document"),
        _p.revision == bindparam("b_revision"),
        ~_HAS_CODE,
    )
    .order_by(_p.position)
    .limit(bindparam("b_limit"))
)
_OF_REVISION = Prepared(
    select(*_p)
    .where(
        _p.organization_id == bindparam("b_organization"),
        _p.document_id == bindparam("b_document"),
        _p.revision == bindparam("b_revision"),
    )
    .order_by(_p.position)
)
_DROP_CODES = Prepared(
    delete(schema.passage_codes).where(
        _k.organization_id == bindparam("b_organization"),
        _k.document_id == bindparam("b_document"),
        _k.encoding != bindparam("b_encoding"),
    )
)
_ADD_CODE = Prepared(
    insert(schema.passage_codes).values({column.name: bindparam(column.name) for column in schema.passage_codes.c})
)
_HAS = Prepared(
    select(_k.passage_id).where(
        _k.encoding == bindparam("b_encoding"),
        _k.document_id == bindparam("b_document"),
        _k.organization_id == bindparam("b_organization"),
    )
)


def _deletes(table: Any) -> tuple[Prepared, Prepared, Prepared]:
    own = and_(table.c.organization_id == bindparam("b_organization"), table.c.document_id == bindparam("b_document"))
    return (
        Prepared(delete(table).where(own, table.c.revision != bindparam("b_revision"))),
        Prepared(delete(table).where(own)),
        Prepared(delete(table).where(own, table.c.revision == bindparam("b_revision"))),
    )


_DELETES = [_deletes(schema.passage_codes), _deletes(schema.passages)]

# Look-ups by many ids are made in steps of these sizes, so that only three statements are ever compiled.
_STEPS = (8, 64, 400)


def _in_steps(columns: Sequence[Any], ids: Any, *where: Any) -> dict[int, Prepared]:
    return {
        size: Prepared(select(*columns).where(ids.in_([bindparam(f"b_{n}") for n in range(size)]), *where))
        for size in _STEPS
    }


_BY_IDS = _in_steps(list(_p), _p.id, _p.organization_id == bindparam("b_organization"))
_DETAILS = _in_steps(
    [_k.passage_id, _k.detail],
    _k.passage_id,
    _k.organization_id == bindparam("b_organization"),
    _k.encoding == bindparam("b_encoding"),
)


_FULL = _in_steps(
    [_k.passage_id, _k.document_id, _k.revision, _k.code, _k.detail],
    _k.passage_id,
    _k.organization_id == bindparam("b_organization"),
    _k.encoding == bindparam("b_encoding"),
)
_METADATA = _in_steps(
    [_p.id, _p.document_id, _p.revision, _p.metadata],
    _p.document_id,
    _p.organization_id == bindparam("b_organization"),
)
_CODES = _in_steps(
    [_k.document_id, _k.revision, _p.position, _k.passage_id, _k.code],
    _k.document_id,
    _k.organization_id == bindparam("b_organization"),
    _k.encoding == bindparam("b_encoding"),
    _p.id == _k.passage_id,
)


class SqlPassages(SqlRecords[Passage]):
    """See `core.ports.store.Passages`."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, schema.passages, "passage")

    def by_ids(self, organization_id: str, passage_ids: Sequence[str]) -> dict[str, Passage]:
        """Return those that exist, by id."""
        rows = self._many(_BY_IDS, passage_ids, {"b_organization": organization_id})
        return {passage.id: passage for passage in map(self._codec.from_row, rows)}

    def add_codes(self, organization_id: str, encoding: str, codes: Sequence[EncodedPassage]) -> None:
        """Store codes; one that is there already stays."""
        if not codes:
            return
        values = {"b_organization": organization_id, "b_encoding": encoding, "b_document": codes[0].document_id}
        known = {row[0] for row in self._session.run(_HAS, values).fetchall()}
        rows = [
            {
                "passage_id": code.passage_id,
                "encoding": encoding,
                "organization_id": organization_id,
                "document_id": code.document_id,
                "revision": code.revision,
                "code": code.code,
                "detail": code.detail,
            }
            for code in codes
            if code.passage_id not in known
        ]
        self._session.run_many(_ADD_CODE, rows)

    def codes(self, organization_id: str, encoding: str, revisions: Mapping[str, str]) -> list[EncodedPassage]:
        """Return the codes of documents (id → revision), without details, each document in order of position."""
        values = {"b_organization": organization_id, "b_encoding": encoding}
        rows = [row for row in self._many(_CODES, list(revisions), values) if revisions[row[0]] == row[1]]
        rows.sort(key=lambda row: (row[0], row[2]))
        return [
            EncodedPassage(passage_id=passage_id, document_id=document_id, revision=revision, code=bytes(code))
            for document_id, revision, _, passage_id, code in rows
        ]

    def details(self, organization_id: str, encoding: str, passage_ids: Sequence[str]) -> dict[str, bytes]:
        """Return the details of these passages, by id."""
        values = {"b_organization": organization_id, "b_encoding": encoding}
        return {passage_id: bytes(detail) for passage_id, detail in self._many(_DETAILS, passage_ids, values)}

    def full_codes(self, organization_id: str, encoding: str, passage_ids: Sequence[str]) -> dict[str, EncodedPassage]:
        """Return the codes of these passages with their details, by id."""
        values = {"b_organization": organization_id, "b_encoding": encoding}
        return {
            passage_id: EncodedPassage(
                passage_id=passage_id,
                document_id=document_id,
                revision=revision,
                code=bytes(code),
                detail=bytes(detail),
            )
            for passage_id, document_id, revision, code, detail in self._many(_FULL, passage_ids, values)
        }

    def of_revision(self, organization_id: str, document_id: str, revision: str | None) -> list[Passage]:
        """Return the passages of one revision in order; none for None."""
        if revision is None:
            return []
        values = {"b_organization": organization_id, "b_document": document_id, "b_revision": revision}
        return [self._codec.from_row(row) for row in self._session.run(_OF_REVISION, values).fetchall()]

    def metadata(self, organization_id: str, revisions: Mapping[str, str]) -> list[tuple[str, str, Mapping[str, JSON]]]:
        """Return (passage id, document id, metadata) of every passage of documents (id → revision)."""
        decode = self._codec.by_name["metadata"].decode
        return [
            (passage_id, document_id, decode(text) if decode is not None and text != "{}" else {})
            for passage_id, document_id, revision, text in self._many(
                _METADATA, list(revisions), {"b_organization": organization_id}
            )
            if revisions[document_id] == revision
        ]

    def uncoded(self, organization_id: str, encoding: str, document: Document, limit: int) -> list[Passage]:
        """Return passages of the document's revision that have no code of this encoding, in order."""
        values = {
            "b_organization": organization_id,
            "b_encoding": encoding,
            "b_document": document.id,
            "b_revision": document.revision,
            "b_limit": limit,
        }
        return [self._codec.from_row(row) for row in self._session.run(_UNCODED, values).fetchall()]

    def drop_codes(self, organization_id: str, document_id: str, *, keep: str) -> None:
        """Delete the document's codes of every other encoding."""
        values = {"b_organization": organization_id, "b_document": document_id, "b_encoding": keep}
        self._session.run(_DROP_CODES, values)

    def keep_only(self, organization_id: str, document_id: str, revision: str | None) -> None:
        """Delete every other revision of the document, with all codes; None deletes all."""
        values = {"b_organization": organization_id, "b_document": document_id, "b_revision": revision}
        for others, everything, _ in _DELETES:
            self._session.run(everything if revision is None else others, values)

    def drop(self, organization_id: str, document_id: str, revision: str) -> None:
        """Delete one revision with its codes."""
        values = {"b_organization": organization_id, "b_document": document_id, "b_revision": revision}
        for _, _, one in _DELETES:
            self._session.run(one, values)

    def _many(self, statements: dict[int, Prepared], ids: Sequence[str], values: dict[str, str]) -> Iterator[Any]:
        start = 0
        while start < len(ids):
            left = len(ids) - start
            size = next((step for step in _STEPS if step >= left), _STEPS[-1])
            part = ids[start : start + size]
            start += size
            # Short of a full step the last id is repeated, which finds nothing twice.
            named = {f"b_{n}": part[min(n, len(part) - 1)] for n in range(size)}
            yield from self._session.run(statements[size], {**values, **named}).fetchall()
