"""Between a record (a frozen dataclass) and a row: scalars stay, instants become microseconds, the rest JSON text."""

import types
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from sqlalchemy import BigInteger, Boolean, Column, Double, Text
from sqlalchemy.types import TypeEngine

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(instant: datetime) -> int:
    """Return microseconds since the epoch of an aware datetime."""
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """Return the aware UTC datetime of microseconds since the epoch."""
    return _EPOCH + timedelta(microseconds=micros)


def to_json(value: object) -> str:
    """Return compact JSON text."""
    return msgspec.json.encode(value).decode()


class Field:
    """One column: its SQL type and how a value goes in and out."""

    def __init__(self, name: str, hint: Any) -> None:
        self.name = name
        inner, self.is_optional = _without_none(hint)
        self.is_optional |= inner is Any
        self.sql_type: TypeEngine[Any]
        self.encode: Callable[[Any], Any] | None = None
        self.decode: Callable[[Any], Any] | None = None
        if inner is str or (get_origin(inner) is Literal):
            self.sql_type = Text()
        elif inner is bool:
            self.sql_type = Boolean(create_constraint=False)
            self.decode = bool
        elif inner is int:
            self.sql_type = BigInteger()
        elif inner is float:
            self.sql_type = Double()
        elif inner is datetime:
            self.sql_type = BigInteger()
            self.encode, self.decode = to_micros, from_micros
        else:
            self.sql_type = Text()
            self.encode = to_json
            self.decode = msgspec.json.Decoder(inner).decode

    def column(self, **options: Any) -> Column[Any]:
        """Return a new column of this field."""
        return Column(self.name, self.sql_type, nullable=self.is_optional, **options)

    def to_sql(self, value: Any) -> Any:
        """Return the value as the driver takes it."""
        return value if value is None or self.encode is None else self.encode(value)


def _without_none(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) in (Union, types.UnionType):
        rest = [arg for arg in get_args(hint) if arg is not type(None)]
        if len(rest) < len(get_args(hint)):
            return (rest[0] if len(rest) == 1 else Union[tuple(rest)]), True  # noqa: UP007 - built at run time
    return hint, False


class Codec(Generic[T]):
    """The fields of one record type, in order."""

    def __init__(self, cls: type[T]) -> None:
        hints = get_type_hints(cls)
        self.cls = cls
        self.fields = tuple(Field(f.name, hints[f.name]) for f in fields(cls))  # type: ignore[arg-type]
        self.names = tuple(f.name for f in self.fields)
        self.by_name = {f.name: f for f in self.fields}

    def to_row(self, record: T) -> dict[str, Any]:
        """Return column name → driver value."""
        return {f.name: f.to_sql(getattr(record, f.name)) for f in self.fields}

    def from_row(self, row: Sequence[Any]) -> T:
        """Return the record of a row whose columns stand in the order of the fields."""
        values = {
            f.name: value if value is None or f.decode is None else f.decode(value)
            for f, value in zip(self.fields, row, strict=True)
        }
        return self.cls(**values)
