"""JSON values that pass through the core unread."""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    JSON: TypeAlias = "dict[str, JSON] | list[JSON] | str | int | float | bool | None"
else:
    # Codecs read the hints of the model at run time and cannot follow a recursive alias.
    JSON = Any
JSONObject: TypeAlias = dict[str, JSON]
