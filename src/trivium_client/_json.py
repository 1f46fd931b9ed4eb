"""JSON as the client passes it through, where a contract leaves the shape open."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pydantic import JsonValue

# What comes back. What goes in may be any mapping or sequence of JSON values, so it is typed more widely.
JsonObject: TypeAlias = dict[str, JsonValue]
JsonInput: TypeAlias = Mapping[str, object]
JsonItems: TypeAlias = Sequence[JsonInput]

__all__ = ["JsonInput", "JsonItems", "JsonObject", "JsonValue"]
