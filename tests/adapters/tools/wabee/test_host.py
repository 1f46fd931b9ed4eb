"""The tools of the operator, in the hands of agents."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from tests.adapters.tools.wabee.projects import generated, project
from trivium.adapters.tools.json_schema import JsonSchemas
from trivium.adapters.tools.wabee import host
from trivium.adapters.tools.wabee.host import WabeeTools
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.model.json import JSONObject
from trivium.core.ports import ToolContext, ToolResult
from trivium.core.services.tools import ToolBox

NOW = datetime(2026, 1, 5, tzinfo=UTC)
AGENT = Agent(
    id="a1",
    organization_id="o1",
    name="Plant",
    created_at=NOW,
    updated_at=NOW,
    tools=(ToolConfig(type="wabee"),),
)
TRIES = """
from trivium.adapters.tools.wabee.sdk import *
calls = []

@simple_tool()
async def work(kind: str):
    calls.append(kind)
    if kind == "late" and len(calls) == 3:
        return StructuredToolResponse(variable_name="v", content="third", memory_push=True, is_final_answer=True)
    if kind in ("late", "retryable"):
        return None, ToolError(type=ToolErrorType.RETRYABLE, message=f"try {len(calls)}")
    if kind == "block":
        import time; time.sleep(0.3)
    if kind == "count":
        return len(calls)
    return None, ToolError(type=ToolErrorType.PERMANENT, message="never")
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_PAUSE_S", 0.001)


async def call(tools: WabeeTools, name: str, tool_input: JSONObject, agent: Agent = AGENT) -> ToolResult:
    box = ToolBox(hosts=[tools], schemas=JsonSchemas())
    context = ToolContext(organization_id="o1", agent=agent, conversation_id="c1", run_id="r1", call_id="k1")
    return await box.call(name, tool_input, context)


async def test_agents_have_the_tools_they_switched_on(tmp_path: Path) -> None:
    places = [str(generated(tmp_path, name, "complete")) for name in ("invoice", "my tool")]
    tools = WabeeTools([*places, str(tmp_path / "missing")])
    named = replace(AGENT, tools=(ToolConfig(type="wabee", config={"tool": "MyTool"}, requires_approval=True),))
    assert [spec.name for spec in await tools.specs(AGENT)] == ["Invoice", "MyTool"]
    assert [(spec.name, spec.requires_approval) for spec in await tools.specs(named)] == [("MyTool", True)]
    assert await tools.specs(replace(AGENT, tools=())) == []
    result = await call(tools, "Invoice", {"message": "x"})
    assert (result.output, result.metadata) == ("Processed: x", {"variable_name": "result"})
    assert (await call(tools, "Invoice", {})).metadata == {"code": "invalid_input"}
    await tools.close()


async def test_retryable_errors_get_three_tries_and_others_one(tmp_path: Path) -> None:
    tools = WabeeTools([str(project(tmp_path, "work", TRIES))])
    late = await call(tools, "work", {"kind": "late"})
    assert (late.output, late.ends_run, late.memory) == ("third", True, "third")
    assert (await call(tools, "work", {"kind": "retryable"})).output == "try 6"
    never = await call(tools, "work", {"kind": "permanent"})
    assert (never.is_error, never.output, never.metadata) == (True, "never", {"code": "permanent"})
    assert (await call(tools, "work", {"kind": "count"})).output == 8
    await tools.close()


async def test_a_tool_that_blocks_stops_nobody_else(tmp_path: Path) -> None:
    tools = WabeeTools([str(project(tmp_path, "work", TRIES))])
    await tools.specs(AGENT)
    turns = 0

    async def block() -> None:
        await call(tools, "work", {"kind": "block"})

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(block)
        with anyio.move_on_after(0.1):
            while True:
                await anyio.lowlevel.checkpoint()
                turns += 1
    assert turns > 100
    await tools.close()
