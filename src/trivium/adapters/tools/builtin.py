"""Builtin tools that need nothing from outside: arithmetic and the time."""

import ast
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC
from decimal import Context, Decimal, DecimalException, localcontext
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trivium.core.errors import InvalidRequest, NotFound
from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports import Clock, ToolContext, ToolResult

_CALCULATOR = ToolSpec(
    name="calculator",
    description=(
        "Calculate exactly. Knows + - * / // % **, parentheses, pi, e and abs, ceil, cos, exp, floor, ln, log10, max,"
        " min, round, sin, sqrt, sum, tan."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "expression": {"type": "string", "minLength": 1, "maxLength": 500, "description": "2 * (3 + 4)"}
        },
        "required": ["expression"],
        "additionalProperties": False,
    },
    is_repeatable=True,
    timeout_s=5.0,
    source="builtin",
)
_TIME = ToolSpec(
    name="current_time",
    description="Tell the current date, time and day of the week, in UTC or a time zone.",
    input_schema={
        "type": "object",
        "properties": {"timezone": {"type": "string", "description": "Such as Europe/Lisbon. Missing: UTC."}},
        "additionalProperties": False,
    },
    is_repeatable=True,
    timeout_s=5.0,
    source="builtin",
)
_SPECS = {spec.name: spec for spec in (_CALCULATOR, _TIME)}


class BuiltinTools:
    """See `core.ports.ToolHost`. Offered where the agent's configuration names them, with or without "builtin:"."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return those of the two that are switched on."""
        wanted = {tool.type.removeprefix("builtin:"): tool.requires_approval for tool in agent.tools}
        return [replace(_SPECS[name], requires_approval=needs) for name, needs in wanted.items() if name in _SPECS]

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Answer at once."""
        if name == _CALCULATOR.name:
            expression = str(tool_input["expression"])
            return ToolResult(output={"expression": expression, "result": calculate(expression)})
        if name == _TIME.name:
            return ToolResult(output=self._time(str(tool_input.get("timezone") or "UTC")))
        raise NotFound("tool", name)

    def _time(self, zone: str) -> JSON:
        try:
            now = self._clock.now().astimezone(UTC if zone.upper() == "UTC" else ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidRequest(f"There is no time zone {zone!r}.", code="unknown_timezone") from error
        return {"time": now.isoformat(timespec="seconds"), "timezone": zone, "weekday": now.strftime("%A")}


# Decimal numbers of 40 digits: 0.1 + 0.2 is 0.3, and no power grows beyond bounds.
_PRECISION = Context(prec=40, Emax=5000, Emin=-5000)
_POWER_MAX = 10_000
# As people write them: ^, the multiplication sign and the division sign.
_SIGNS = str.maketrans({"^": "**", "\u00d7": "*", "\u00f7": "/"})


def _power(left: Decimal, right: Decimal) -> Decimal:
    if abs(right) > _POWER_MAX:
        raise OverflowError
    return left**right


_BINARY: dict[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: lambda a, b: (a / b).to_integral_value("ROUND_FLOOR"),
    ast.Mod: lambda a, b: a - b * (a / b).to_integral_value("ROUND_FLOOR"),
    ast.Pow: _power,
}


def _through_float(function: Callable[[float], float]) -> Callable[..., Decimal]:
    return lambda value: Decimal(repr(function(float(value))))


_FUNCTIONS: dict[str, Callable[..., Decimal]] = {
    "abs": abs,
    "ceil": lambda value: value.to_integral_value("ROUND_CEILING"),
    "cos": _through_float(math.cos),
    "exp": lambda value: value.exp(),
    "floor": lambda value: value.to_integral_value("ROUND_FLOOR"),
    "ln": lambda value: value.ln(),
    "log": lambda value: value.ln(),
    "log10": lambda value: value.log10(),
    "max": max,
    "min": min,
    "round": lambda value, digits=Decimal(0): round(value, int(digits)),
    "sin": _through_float(math.sin),
    "sqrt": lambda value: value.sqrt(),
    "sum": lambda *values: sum(values, Decimal(0)),
    "tan": _through_float(math.tan),
}
_CONSTANTS = {"pi": Decimal("3.141592653589793238462643383279502884197"), "e": Decimal(1).exp(_PRECISION)}


def calculate(expression: str) -> JSON:
    """Return the value of an arithmetic expression; InvalidRequest says what is wrong with it."""
    try:
        tree = ast.parse(expression.strip().translate(_SIGNS), mode="eval")
        with localcontext(_PRECISION):
            return _shown(_value(tree.body))
    except (DecimalException, ValueError, OverflowError, TypeError, ZeroDivisionError) as error:
        raise InvalidRequest(f"It cannot be calculated: {type(error).__name__}.", code="not_calculable") from error
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise InvalidRequest("This is no arithmetic expression.", code="not_calculable") from error


def _value(node: ast.expr) -> Decimal:
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return +Decimal(repr(number))
        case ast.Name(id=name) if name in _CONSTANTS:
            return +_CONSTANTS[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return +_BINARY[type(op)](_value(left), _value(right))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in _FUNCTIONS:
            return +_FUNCTIONS[name](*(_value(arg) for arg in args))
        case _:
            pass
    raise InvalidRequest("Only numbers, operators and the named functions can be used.", code="not_calculable")


def _shown(value: Decimal) -> JSON:
    if not value.is_finite():
        raise OverflowError
    if value == value.to_integral_value() and abs(value) < 2**53:
        return int(value)
    # 34 digits hide what the last step of 40 digits rounded.
    text = format(value.normalize(Context(prec=34)), "f")
    return (
        float(text) if len(text) <= 16 else text if len(text) <= 60 else format(value.normalize(Context(prec=17)), "e")
    )
