"""The tool that runs Python a model wrote, in the sandbox of workflows."""

from collections.abc import Sequence
from dataclasses import replace

from trivium.core.errors import NotFound
from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.json import JSONObject
from trivium.core.ports import CodeRunner, ToolContext, ToolResult

TYPES = frozenset({"run_code", "builtin:run_code"})
_TIMEOUT_S = 10.0
_SPEC = ToolSpec(
    name="run_code",
    description=(
        "Run Python for calculations and for working on data. There are no files, no network and no packages beyond "
        "the pure part of the standard library. Print, or end with the expression whose value is wanted; `inputs` "
        "holds the object given with the call."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "source": {"type": "string", "minLength": 1, "maxLength": 50_000, "description": "The Python source."},
            "inputs": {"type": "object", "description": "What the source finds as `inputs`."},
        },
        "required": ["source"],
        "additionalProperties": False,
    },
    # Nothing outside is reached, so running it again changes nothing.
    is_repeatable=True,
    timeout_s=_TIMEOUT_S + 20.0,
    source="builtin",
)


class CodeTool:
    """See `core.ports.ToolHost`. Offered where the agent's configuration names it."""

    def __init__(self, runner: CodeRunner) -> None:
        self._runner = runner

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the tool when it is switched on."""
        tool = next((tool for tool in agent.tools if tool.type in TYPES), None)
        return () if tool is None else (replace(_SPEC, requires_approval=tool.requires_approval),)

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Return value and print-out; an exception of the code is an error that shows it with its line."""
        if name != _SPEC.name:
            raise NotFound("tool", name)
        given = tool_input.get("inputs")
        inputs = given if isinstance(given, dict) else {}
        result = await self._runner.run(str(tool_input["source"]), inputs, timeout_s=_TIMEOUT_S)
        if result.error is not None:
            return ToolResult(output={"error": result.error, "printed": result.output}, is_error=True)
        return ToolResult(output={"value": result.value, "printed": result.output})
