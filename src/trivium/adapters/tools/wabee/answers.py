"""What a Wabee tool answered, in one form, whichever way it came."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports import ToolResult

_IMAGES_MAX = 10
_ERROR_TYPES = frozenset(
    {"retryable", "permanent", "invalid_input", "internal_error", "validation_error", "execution_error"}
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A result of a tool; `content` is what the model reads."""

    content: JSON
    variable_name: str = ""
    local_file_path: str = ""
    metadata: JSONObject = field(default_factory=dict)
    memory_push: bool = False
    images: tuple[tuple[str, str], ...] = ()
    error: str = ""
    is_final_answer: bool = False


class ToolFailedError(Exception):
    """The tool has no result; `kind` is one of the six words of the contract."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = normal_kind(kind)
        self.message = message


def normal_kind(kind: object) -> str:
    """Return the plain word of an error's type: the published server sends `ToolErrorType.RETRYABLE`."""
    plain = str(getattr(kind, "value", kind)).removeprefix("ToolErrorType.").lower()
    return plain if plain in _ERROR_TYPES else "internal_error"


def read_answer(value: Any) -> Answer:
    """Return the answer in a tool's result: a structured response, the JSON of one, or anything else as its content."""
    if isinstance(value, Mapping):
        fields: Mapping[str, Any] = value
    elif hasattr(value, "variable_name") and hasattr(value, "content"):
        fields = {name: getattr(value, name, None) for name in _FIELDS}
    else:
        return Answer(content=plain_json(value))
    if not {"variable_name", "content"} <= fields.keys():
        return Answer(content=plain_json(dict(fields)))
    metadata = fields.get("metadata")
    return Answer(
        content=plain_json(fields["content"]),
        variable_name=str(fields.get("variable_name") or ""),
        local_file_path=str(fields.get("local_file_path") or ""),
        metadata={str(key): plain_json(item) for key, item in dict(metadata).items()} if metadata else {},
        memory_push=fields.get("memory_push") is True,
        images=tuple(_image(image) for image in list(fields.get("images") or [])[:_IMAGES_MAX]),
        error=str(fields.get("error") or ""),
        is_final_answer=fields.get("is_final_answer") is True,
    )


def to_result(answer: Answer) -> ToolResult:
    """Return the answer as the agent loop takes it."""
    text = answer.content if isinstance(answer.content, str) else None
    metadata = dict(answer.metadata)
    for name in ("variable_name", "local_file_path"):
        if getattr(answer, name):
            metadata[name] = getattr(answer, name)
    return ToolResult(
        output=answer.error or answer.content,
        is_error=bool(answer.error),
        images=tuple((kind, data) for kind, data in map(_decoded, answer.images) if data),
        ends_run=answer.is_final_answer and not answer.error,
        memory=text if answer.memory_push and text else None,
        metadata=metadata,
    )


def to_wire(answer: Answer) -> JSONObject:
    """Return the answer as the JSON object that is served; `is_final_answer` has no other place."""
    images: list[JSON] = [{"mime_type": kind, "data": data} for kind, data in answer.images]
    return {
        "variable_name": answer.variable_name or "result",
        # The released client refuses anything but a text.
        "content": answer.content if isinstance(answer.content, str) else json.dumps(answer.content),
        "local_file_path": answer.local_file_path or None,
        "metadata": answer.metadata or None,
        "memory_push": answer.memory_push,
        "images": images or None,
        "error": answer.error or None,
        "is_final_answer": answer.is_final_answer,
    }


def plain_json(value: Any) -> JSON:
    """Return a value as JSON; what has no JSON form becomes its text."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_json(item) for item in value]
    dump = getattr(value, "model_dump", None)
    return plain_json(dump(mode="json")) if callable(dump) else str(value)


_FIELDS = tuple(Answer.__dataclass_fields__)


def _image(image: Any) -> tuple[str, str]:
    if isinstance(image, Mapping):
        return str(image.get("mime_type", "")), str(image.get("data", ""))
    return str(getattr(image, "mime_type", "")), str(getattr(image, "data", ""))


def _decoded(image: tuple[str, str]) -> tuple[str, bytes]:
    try:
        return image[0], base64.b64decode(image[1])
    except (binascii.Error, ValueError):
        return image[0], b""
