"""Writes a new tool project that runs as it is."""

import keyword
import re
from pathlib import Path

from trivium.core.errors import Conflict, InvalidRequest

_SDK = "trivium.adapters.tools.wabee.sdk"

_SPEC = """tool:
  name: {title}
  description: {description}
  version: 0.1.0
  entrypoint: {module}.py
"""

_SIMPLE = '''"""{description}"""

from pydantic import BaseModel, Field

from {sdk} import StructuredToolResponse, simple_tool


class {title}Input(BaseModel):
    """What the tool needs to know."""

    text: str = Field(description="What to work on.")


@simple_tool(name="{title}", description="{description}", schema={title}Input)
async def {module}(given: {title}Input) -> StructuredToolResponse:
    """Return the text in capital letters; replace this with what the tool is for."""
    return StructuredToolResponse(variable_name="result", content=given.text.upper())
'''

_COMPLETE = '''"""{description}"""

from pydantic import BaseModel, Field

from {sdk} import BaseTool, StructuredToolResponse, ToolError, ToolErrorType


class {title}Input(BaseModel):
    """What the tool needs to know."""

    text: str = Field(description="What to work on.")


class {title}Tool(BaseTool):
    """Arguments of `tool_args` in toolspec.yaml become attributes."""

    args_schema = {title}Input

    def __init__(self, **kwargs: object) -> None:
        super().__init__(name="{title}", description="{description}", **kwargs)

    async def execute(self, given: {title}Input) -> tuple[StructuredToolResponse | None, ToolError | None]:
        """Return the text in capital letters; replace this with what the tool is for."""
        if not given.text:
            return None, ToolError(type=ToolErrorType.INVALID_INPUT, message="There is no text.")
        return StructuredToolResponse(variable_name="result", content=given.text.upper()), None
'''


def new_project(parent: Path, name: str, *, description: str, is_complete: bool) -> Path:
    """Write `toolspec.yaml` and `<name>_tool.py` in a new folder and return it.

    InvalidRequest for a name that is no name of a tool, Conflict when the folder is there already.
    """
    words = re.findall(r"[A-Za-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name))
    snake = "_".join(words).lower()
    if not snake.isidentifier() or keyword.iskeyword(snake) or len(snake) > 60:
        raise InvalidRequest(f"{name!r} cannot name a tool; use letters and digits.", code="invalid_name")
    title = "".join(word[0].upper() + word[1:] for word in words)
    plain = re.sub(r"[\"\\\r\n:#{}]", " ", description).strip() or f"The tool {title}"
    folder = parent / snake
    if folder.exists():
        raise Conflict(f"{folder} exists already.", code="already_exists")
    folder.mkdir(parents=True)
    module = f"{snake}_tool"
    values = {"title": title, "description": plain, "module": module, "sdk": _SDK}
    (folder / "toolspec.yaml").write_text(_SPEC.format(**values), "utf-8")
    (folder / f"{module}.py").write_text((_COMPLETE if is_complete else _SIMPLE).format(**values), "utf-8")
    return folder
