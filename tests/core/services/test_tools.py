"""One list of tools out of many hosts; calls that cannot hurt a run."""

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.adapters.tools.json_schema import JsonSchemas
from trivium.core.errors import LimitExceeded, NotFound, UpstreamFailed
from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports import ToolContext, ToolResult
from trivium.core.services.tools import OUTPUT_CHARS_MAX, ToolBox

NOW = datetime(2026, 1, 5, tzinfo=UTC)
AGENT = Agent(id="a1", organization_id="o1", name="Plant", created_at=NOW, updated_at=NOW)
CONTEXT = ToolContext(organization_id="o1", agent=AGENT, conversation_id="c1", run_id="r1", call_id="call1")
SCHEMA: JSONObject = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

Answer = Callable[[str, JSONObject], Awaitable[ToolResult]]


async def _name(name: str, tool_input: JSONObject) -> ToolResult:
    return ToolResult(output=name)


class Host:
    def __init__(self, *names: str, answer: Answer = _name, timeout_s: float = 5.0, is_down: bool = False) -> None:
        self.tools = [ToolSpec(name=n, description="", input_schema=SCHEMA, timeout_s=timeout_s) for n in names]
        self.answer = answer
        self.is_down = is_down

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        if self.is_down:
            raise UpstreamFailed("connection refused")
        return self.tools

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        return await self.answer(name, tool_input)


def box(*hosts: Host) -> ToolBox:
    return ToolBox(hosts=hosts, schemas=JsonSchemas())


def answering(output: JSON) -> Answer:
    async def answer(name: str, tool_input: JSONObject) -> ToolResult:
        return ToolResult(output=output)

    return answer


async def test_tools_of_one_name_are_told_apart_in_the_order_of_the_hosts() -> None:
    tools = box(Host("find"), Host("find", answer=answering("second")), Host("find_2", "a b/c"))
    assert [spec.name for spec in await tools.specs(AGENT)] == ["find", "find_2", "find_2_2", "a_b_c"]
    assert (await tools.call("find_2", {"n": 1}, CONTEXT)).output == "second"
    assert (await tools.call("a_b_c", {"n": 1}, CONTEXT)).output == "a b/c"


@given(st.lists(st.text(max_size=80), max_size=30))
async def test_names_are_unique_and_plain_whatever_the_hosts_call_them(names: list[str]) -> None:
    public = [spec.name for spec in await box(Host(*names)).specs(AGENT)]
    assert len(set(public)) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name) for name in public)


async def test_a_host_that_is_down_takes_no_other_tools_away() -> None:
    tools = box(Host("a", is_down=True), Host("b"))
    assert [spec.name for spec in await tools.specs(AGENT)] == ["b"]


async def test_input_that_does_not_fit_never_reaches_the_tool() -> None:
    result = await box(Host("a")).call("a", {"n": "one"}, CONTEXT)
    assert result.is_error
    assert result.output == 'The input does not fit the tool: n: "one" is not of type "integer"'
    assert (await box(Host("a")).call("a", ["n"], CONTEXT)).is_error


async def test_a_slow_tool_is_given_up() -> None:
    async def hang(name: str, tool_input: JSONObject) -> ToolResult:
        await anyio.sleep_forever()
        raise AssertionError

    result = await box(Host("a", answer=hang, timeout_s=0.01)).call("a", {"n": 1}, CONTEXT)
    assert (result.is_error, result.metadata) == (True, {"code": "timeout"})


@pytest.mark.parametrize(
    ("error", "shown"),
    [(UpstreamFailed("The shop answered 503."), "The shop answered 503."), (KeyError("secret"), "The tool failed.")],
)
async def test_what_a_tool_raises_becomes_its_result(error: Exception, shown: str) -> None:
    async def fail(name: str, tool_input: JSONObject) -> ToolResult:
        raise error

    result = await box(Host("a", answer=fail)).call("a", {"n": 1}, CONTEXT)
    assert (result.is_error, result.output) == (True, shown)


async def test_large_output_is_cut_and_says_so() -> None:
    result = await box(Host("a", answer=answering(["x" * 200_000]))).call("a", {"n": 1}, CONTEXT)
    assert isinstance(result.output, str)
    assert len(result.output) < OUTPUT_CHARS_MAX + 100
    assert result.output.endswith("of 200004 characters]")


async def test_output_that_is_not_json_is_an_error() -> None:
    result = await box(Host("a", answer=answering(float("nan")))).call("a", {"n": 1}, CONTEXT)
    assert result.is_error


async def test_what_a_tool_wants_remembered_is_kept_under_the_id_of_its_call() -> None:
    kept: list[tuple[str, str, str | None]] = []

    class Memories:
        async def observe(
            self, organization_id: str, agent_id: str, text: str, *, visitor_id: str | None, memory_id: str | None
        ) -> None:
            kept.append((agent_id, text, memory_id))
            if text == "from too much":
                raise LimitExceeded("full")

    async def answer(name: str, tool_input: JSONObject) -> ToolResult:
        return ToolResult(output="ok", memory=f"from {name}", is_error=name == "bad")

    tools = box(Host("a", "bad", "too much", answer=answer))
    tools.keep_memories_in(Memories())
    for name in ("a", "bad", "too_much"):
        await tools.call(name, {"n": 1}, CONTEXT)
    assert kept == [("a1", "from a", "mem_r1_call1"), ("a1", "from too much", "mem_r1_call1")]


async def test_an_unknown_tool_is_not_found() -> None:
    with pytest.raises(NotFound) as raised:
        await box(Host("a")).call("b", {}, CONTEXT)
    assert raised.value.kind == "tool"
