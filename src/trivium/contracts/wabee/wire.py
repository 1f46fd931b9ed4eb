"""What clients send, and its translation into the words of the core. Pure: nothing here reads or writes."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from trivium.core.errors import InvalidRequest
from trivium.core.model.agents import RunLimits
from trivium.core.model.runs import FilterHint, InputMessage

IMAGES_MAX = 5
TOOL_HEADER_PREFIX = "stix"
_SESSION_ID_LENGTH_MAX = 200
_TOOL_HEADERS_MAX = 64
# "Ignore unknown fields" is the contract's rule.
_LENIENT = ConfigDict(extra="ignore")
_ROLES: dict[str, Literal["system", "user", "assistant"]] = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "system": "system",
}


class ChainMessage(BaseModel):
    """One message; `human` and `ai` are other words for `user` and `assistant`."""

    model_config = _LENIENT
    role: Literal["user", "assistant", "system", "human", "ai"]
    content: Annotated[StrictStr, Field(max_length=2_000_000)]


class DataFilterHint(BaseModel):
    """A filter for one tool; `filter_type` is `equals` unless it says otherwise."""

    model_config = _LENIENT
    tool_name: StrictStr
    filter_key: StrictStr
    filter_value: StrictStr | StrictBool | StrictInt | Annotated[float, Field(strict=True)] | None
    filter_type: StrictStr = "equals"


class ChainBudget(BaseModel):
    """What the request may use."""

    model_config = _LENIENT
    local_recursion_limit: Annotated[StrictInt, Field(ge=1, le=10_000)]


class ChainBody(BaseModel):
    """The body of `/chain` and its streaming forms. Images are looked at apart: a bad one is a 400, not a 422."""

    model_config = _LENIENT
    messages: Annotated[list[ChainMessage], Field(min_length=1, max_length=1000)]
    data_filter_hints: Annotated[list[DataFilterHint], Field(max_length=100)] | None = None
    auto_memory_retain: StrictBool | None = False
    context_files: Annotated[list[StrictStr], Field(max_length=50)] | None = None
    images: Any = None
    session_id: StrictStr | None = None
    stream: Any = None
    budget: ChainBudget | None = None


class ImageInput:
    """An image as it was sent: decoded text or a path, and where in the request it stood."""

    __slots__ = ("content", "index", "is_path")

    def __init__(self, index: int, content: str, *, is_path: bool) -> None:
        self.index = index
        self.content = content
        self.is_path = is_path


def to_messages(body: ChainBody) -> tuple[InputMessage, ...]:
    """Return the messages in the words of the core."""
    return tuple(InputMessage(role=_ROLES[message.role], text=message.content) for message in body.messages)


def to_hints(body: ChainBody) -> tuple[FilterHint, ...]:
    """Return the filters for tools."""
    return tuple(
        FilterHint(
            tool_name=hint.tool_name, key=hint.filter_key, value=hint.filter_value, operator=hint.filter_type.lower()
        )
        for hint in body.data_filter_hints or ()
    )


def to_limits(body: ChainBody) -> RunLimits | None:
    """Return what the request's budget adds; the agent's own limits stay where they are tighter."""
    if body.budget is None:
        return None
    return RunLimits(steps_max=body.budget.local_recursion_limit, tool_calls_max=1_000_000, duration_s_max=None)


def to_images(body: ChainBody) -> list[ImageInput]:
    """Return the images, or raise InvalidRequest that says which entry is wrong and why."""
    if body.images is None:
        return []
    if not isinstance(body.images, list):
        raise InvalidRequest("images: must be a list.", code="invalid_image", details={"field": "images"})
    if len(body.images) > IMAGES_MAX:
        raise InvalidRequest(
            f"images: at most {IMAGES_MAX} are possible, {len(body.images)} were sent.",
            code="invalid_image",
            details={"field": "images", "max": IMAGES_MAX},
        )
    return [_to_image(index, entry) for index, entry in enumerate(body.images)]


def image_error(index: int, reason: str) -> InvalidRequest:
    """Return the 400 for one image."""
    return InvalidRequest(
        f"images[{index}]: {reason}",
        code="invalid_image",
        details={"field": f"images[{index}]", "index": index, "reason": reason},
    )


def session_id_of(header: str | None, in_body: str | None) -> str | None:
    """Return the caller's name for the conversation: the header decides, the body is for compatibility.

    None when neither names one. Raises InvalidRequest for names that could not be asked for again.
    """
    for value in (header, in_body):
        name = (value or "").strip()
        if not name:
            continue
        if len(name) > _SESSION_ID_LENGTH_MAX or not name.isprintable():
            raise InvalidRequest(
                f"session-id: at most {_SESSION_ID_LENGTH_MAX} printable characters.",
                code="invalid_session_id",
                details={"field": "session-id"},
            )
        return name
    return None


def tool_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return every header whose name starts with `stix`: the context of tools (section 1)."""
    found = {name: value for name, value in headers if name.startswith(TOOL_HEADER_PREFIX)}
    if len(found) > _TOOL_HEADERS_MAX:
        raise InvalidRequest(f"At most {_TOOL_HEADERS_MAX} headers may start with {TOOL_HEADER_PREFIX!r}.")
    return found


def _to_image(index: int, entry: object) -> ImageInput:
    if not isinstance(entry, dict):
        raise image_error(index, "must be an object with type and content.")
    kind, content = entry.get("type"), entry.get("content")
    if kind not in ("base64", "file_path"):
        raise image_error(index, "type must be base64 or file_path.")
    if not isinstance(content, str) or not content.strip():
        raise image_error(index, "content must be a text that is not empty.")
    return ImageInput(index, content.strip(), is_path=kind == "file_path")
