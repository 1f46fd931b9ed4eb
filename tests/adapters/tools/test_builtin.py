"""Arithmetic that can be relied on, and the time."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clock import HandClock
from trivium.adapters.tools.builtin import BuiltinTools, calculate
from trivium.core.errors import InvalidRequest
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.model.json import JSON
from trivium.core.ports import ToolContext

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
AGENT = Agent(
    id="a1",
    organization_id="o1",
    name="Plant",
    created_at=NOW,
    updated_at=NOW,
    tools=(ToolConfig(type="builtin:current_time"), ToolConfig(type="calculator"), ToolConfig(type="http")),
)
CONTEXT = ToolContext(organization_id="o1", agent=AGENT, conversation_id="c1", run_id="r1", call_id="k1")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 * (3 + 4)", 14),
        ("0.1 + 0.2", 0.3),
        ("1 / 3 * 3", 1),
        ("2 ^ 10", 1024),
        ("7 % -2", -1),
        ("-7 // 2", -4),
        ("sqrt(16) + max(1, 2, sum(3, 4))", 11),
        ("round(1234.5678, 2)", 1234.57),
        ("2 ** 100", "1267650600228229401496703205376"),
    ],
)
def test_expression_is_calculated_exactly(expression: str, value: JSON) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["1 / 0", "9 ** 9 ** 9 ** 9", "__import__('os')", "(1).real", "x", "sqrt(-1)", "True", "1 +", "(" * 400, "max()"],
)
def test_what_is_no_arithmetic_is_refused(expression: str) -> None:
    with pytest.raises(InvalidRequest):
        calculate(expression)


@given(st.text(alphabet="0123456789+-*/%(). e,maxround", max_size=60))
def test_nothing_but_a_number_or_a_refusal_comes_back(expression: str) -> None:
    try:
        value = calculate(expression)
    except InvalidRequest:
        return
    assert isinstance(value, int | float | str)


async def test_tools_are_those_the_agent_has_switched_on() -> None:
    tools = BuiltinTools(clock=HandClock())
    assert [spec.name for spec in await tools.specs(AGENT)] == ["current_time", "calculator"]
    result = await tools.call("calculator", {"expression": "6 * 7"}, CONTEXT)
    assert result.output == {"expression": "6 * 7", "result": 42}


async def test_time_is_told_in_a_zone() -> None:
    tools = BuiltinTools(clock=HandClock())
    told = (await tools.call("current_time", {"timezone": "America/Sao_Paulo"}, CONTEXT)).output
    assert told == {"time": "2026-01-05T06:00:00-03:00", "timezone": "America/Sao_Paulo", "weekday": "Monday"}
    for zone in ("Mars/Base", "../etc/passwd", "x" * 300):
        with pytest.raises(InvalidRequest):
            await tools.call("current_time", {"timezone": zone}, CONTEXT)
