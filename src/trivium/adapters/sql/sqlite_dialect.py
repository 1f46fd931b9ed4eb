"""How statements are written for SQLite."""

from typing import Any

from sqlalchemy import Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import Dialect


class _Compiler(SQLiteCompiler):
    """Writes `LIMIT +?` instead of `LIMIT ?`.

    SQLite (from 3.47 on) plans with the value of a bare parameter there, so it compiles the statement anew whenever one
    is bound: four times the cost of a look-up, more with every index of the table. An expression it leaves alone.
    """

    def limit_clause(self, select: Select[Any], **kw: Any) -> str:
        """Return the end of a SELECT; see SQLAlchemy."""
        limit, offset = select._limit_clause, select._offset_clause  # noqa: SLF001 - as the class above does
        text = "" if limit is None else f"\n LIMIT +{self.process(limit, **kw)}"
        if offset is not None:
            text += "\n LIMIT -1" if limit is None else ""
            text += f" OFFSET +{self.process(offset, **kw)}"
        return text


def sqlite_dialect() -> Dialect:
    """Return the dialect that statements are compiled for."""
    dialect: Dialect = sqlite.dialect(paramstyle="qmark")
    dialect.statement_compiler = _Compiler
    return dialect
