"""What a Wabee tool is written with: `simple_tool` for a function, `BaseTool` for a class.

The same names and behaviour as the published package (its place in the contract: wabee.md 10.1), so that a tool written
for one runs with the other. A tool answers with a pair `(result, error)`, of which exactly one is set.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ValidationError, create_model

__all__ = [
    "BaseTool",
    "ImageToolResponse",
    "StructuredToolResponse",
    "ToolError",
    "ToolErrorType",
    "current_headers",
    "simple_tool",
]

current_headers: ContextVar[Mapping[str, str]] = ContextVar("current_headers", default={})  # noqa: B039 - never changed
"""The `stix…` headers of the request that a tool is called for."""


class ToolErrorType(StrEnum):
    """What kind of failure it was; only `retryable` is worth another try."""

    RETRYABLE = "retryable"
    PERMANENT = "permanent"
    INVALID_INPUT = "invalid_input"
    INTERNAL_ERROR = "internal_error"
    VALIDATION_ERROR = "validation_error"
    EXECUTION_ERROR = "execution_error"


@dataclass
class ToolError:
    """Why a tool has no result."""

    type: ToolErrorType
    message: str
    original_error: Exception | None = None


class ImageToolResponse(BaseModel):
    """A picture for the model; `data` is base64."""

    mime_type: str
    data: str


class StructuredToolResponse(BaseModel):
    """A result that says more than its text.

    `memory_push` keeps `content` in the agent's memory; `is_final_answer` ends the run with it.
    """

    variable_name: str
    content: str
    local_file_path: str | None = None
    metadata: dict[str, Any] | None = None
    memory_push: bool = False
    images: list[ImageToolResponse] | None = None
    error: str | None = None
    is_final_answer: bool = False


Answer = tuple[Any, ToolError | None]


class BaseTool:
    """A tool as a class: set `args_schema`, write `execute`. Further keywords of `__init__` become attributes."""

    args_schema: type[BaseModel] | None = None

    def __init__(self, name: str = "", description: str = "", **kwargs: Any) -> None:
        self.name = name or type(self).__name__
        self.description = description
        for key, value in kwargs.items():
            setattr(self, key, value)

    @property
    def tool_name(self) -> str:
        """The name the tool is called by."""
        return self.name

    @classmethod
    def create(cls, **kwargs: Any) -> "BaseTool":
        """Return a tool made with the arguments of its specification."""
        return cls(**kwargs)

    def validate_input(self, values: Mapping[str, Any]) -> Any:
        """Return the validated model, or the values when the tool has no schema."""
        return values if self.args_schema is None else self.args_schema.model_validate(dict(values))

    async def execute(self, input: Any) -> Answer:  # noqa: A002 - the name in the contract
        """Do the work; return `(result, None)` or `(None, error)`."""
        raise NotImplementedError

    async def __call__(self, **values: Any) -> Answer:
        """Validate and execute; whatever goes wrong is the error of the pair."""
        try:
            return await self.execute(self.validate_input(values))
        except Exception as error:  # noqa: BLE001 - a tool answers with a pair, whatever happens
            return None, error_of(error)


def simple_tool(
    name: str | None = None,
    description: str | None = None,
    schema: type[BaseModel] | None = None,
    **fields: Any,
) -> Callable[[Callable[..., Awaitable[Any]]], Callable[..., Awaitable[Answer]]]:
    """Make a tool of an async function, which is then called with keywords and returns the pair.

    With `schema` the function gets one validated model; with `field=type` pairs a model is made of them, all required;
    with neither, its annotations are the schema and the values arrive as keywords.
    """

    def decorate(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Answer]]:
        given = schema
        if given is None and fields:
            wanted: dict[str, Any] = {key: (kind, ...) for key, kind in fields.items()}
            given = create_model(f"{function.__name__}_input", **wanted)
        model = given or model_of(function)
        takes_model = given is not None

        @functools.wraps(function)
        async def call(**values: Any) -> Answer:
            try:
                checked = model.model_validate(values)
                keywords = {key: getattr(checked, key) for key in type(checked).model_fields}
                return _pair(await (function(checked) if takes_model else function(**keywords)))
            except Exception as error:  # noqa: BLE001 - a tool answers with a pair, whatever happens
                return None, error_of(error)

        call.__wabee_tool__ = {  # type: ignore[attr-defined]
            "name": name or function.__name__,
            "description": description or inspect.getdoc(function) or "",
            "schema": model,
        }
        return call

    return decorate


def model_of(function: Callable[..., Any]) -> type[BaseModel]:
    """Return a model of a function's parameters: annotated types, defaults where there are any."""
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function, eval_str=True).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            kind = Any if parameter.annotation is parameter.empty else parameter.annotation
            fields[parameter.name] = (kind, ... if parameter.default is parameter.empty else parameter.default)
    return create_model(f"{function.__name__}_input", **fields)


def error_of(error: Exception) -> ToolError:
    """Return what an exception of a tool is told as."""
    match error:
        case ValidationError() | TypeError() | AttributeError():
            kind = ToolErrorType.INVALID_INPUT
        case ValueError():
            kind = ToolErrorType.EXECUTION_ERROR
        case _:
            kind = ToolErrorType.INTERNAL_ERROR
    return ToolError(type=kind, message=str(error), original_error=error)


def _pair(answer: Any) -> Answer:
    """Return the pair; a function may return it itself or just its result."""
    if isinstance(answer, tuple) and len(answer) == 2 and (answer[1] is None or isinstance(answer[1], ToolError)):
        return answer
    return answer, None
