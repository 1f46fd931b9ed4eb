"""Conditions: a small expression language in Python's syntax, evaluated over JSON values by our own walk of the tree.

Nothing is ever handed to `eval`: only the node types, operators and functions named here exist. Attributes are look-ups
in objects. Source length, tree size and every text, list and number that is built are bounded.
"""

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON
from trivium.core.services.workflows.templates import to_text

_SOURCE_CHARS_MAX = 2_000
_NODES_MAX = 200
_SIZE_MAX = 100_000
_NUMBER_MAX = 2**63
_PLACEHOLDER = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_.\[\]]*)\??\s*\}\}")
_INDEX = re.compile(r"\.(\d+)")
_CONSTANTS: dict[str, JSON] = {"true": True, "false": False, "null": None, "none": None}


def evaluate(source: str, scope: Mapping[str, JSON]) -> JSON:
    """Return the value of an expression. `{{key.path}}` may be written for `key.path`; what is not there is null.

    InvalidRequest with code "invalid_expression" for anything outside the language and for operations that fail.
    """
    tree = _parse(source)
    try:
        return _Evaluation(scope).value_of(tree)
    except InvalidRequest:
        raise
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, RecursionError) as error:
        raise _invalid(f"{type(error).__name__}: {error}") from error


def check(source: str) -> None:
    """Raise InvalidRequest for an expression that can only fail: outside the language, or wrong whatever it reads."""
    if not list(names_in(source)):
        evaluate(source, {})


def names_in(source: str) -> Iterator[str]:
    """Yield every name the expression reads from its scope; InvalidRequest when it is not in the language."""
    tree = _parse(source)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if type(node) not in _ALLOWED:
            raise _invalid(f"{type(node).__name__} is not allowed")
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS):
            raise _invalid("only these functions exist: " + ", ".join(sorted(_FUNCTIONS)))
        if isinstance(node, ast.Call):
            _check_call(cast("ast.Name", node.func).id, node)
        if isinstance(node, ast.Constant):
            _check_constant(node.value)
        if isinstance(node, ast.Dict) and any(key is None for key in node.keys):
            raise _invalid("** is not allowed")
        if isinstance(node, ast.Name) and id(node) not in called and node.id.lower() not in _CONSTANTS:
            yield node.id


def _parse(source: str) -> ast.expr:
    if len(source) > _SOURCE_CHARS_MAX:
        raise _invalid(f"longer than {_SOURCE_CHARS_MAX} characters")
    plain = _PLACEHOLDER.sub(lambda match: "(" + _INDEX.sub(r"[\1]", match.group(1)) + ")", source).strip()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(plain, mode="eval").body
        count = sum(1 for _ in ast.walk(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _invalid(str(error) or type(error).__name__) from error
    if count > _NODES_MAX:
        raise _invalid(f"more than {_NODES_MAX} parts")
    return tree


def _check_call(name: str, node: ast.Call) -> None:
    least, most = _ARGUMENTS.get(name, (1, 1))
    if node.keywords or not least <= len(node.args) <= most:
        count = str(least) if least == most else f"{least} to {most}"
        raise _invalid(f"{name} takes {count} arguments without names")


def _check_constant(value: object) -> None:
    if value is not None and not isinstance(value, str | int | float):
        raise _invalid(f"{type(value).__name__} is not allowed")
    if isinstance(value, str) and not value.isprintable():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _invalid("a text holds half a character") from error
    if not isinstance(value, bool) and isinstance(value, int | float):
        _bounded(value)


def _invalid(reason: str) -> InvalidRequest:
    return InvalidRequest(f"The expression cannot be used: {reason[:200]}.", code="invalid_expression")


class _Evaluation:
    def __init__(self, scope: Mapping[str, JSON]) -> None:
        self._scope = scope

    def value_of(self, node: ast.expr) -> JSON:
        handler = _HANDLERS.get(type(node))
        if handler is None:
            raise _invalid(f"{type(node).__name__} is not allowed")
        return _bounded(handler(self, node))

    def constant(self, node: ast.Constant) -> JSON:
        if isinstance(node.value, str | int | float) or node.value is None:
            return node.value
        raise _invalid(f"{type(node.value).__name__} is not allowed")

    def name(self, node: ast.Name) -> JSON:
        if node.id in self._scope:
            return self._scope[node.id]
        if node.id.lower() in _CONSTANTS:
            return _CONSTANTS[node.id.lower()]
        raise _invalid(f"there is no {node.id}")

    def attribute(self, node: ast.Attribute) -> JSON:
        return _member(self.value_of(node.value), node.attr)

    def subscript(self, node: ast.Subscript) -> JSON:
        value = self.value_of(node.value)
        if not isinstance(node.slice, ast.Slice):
            return _member(value, self.value_of(node.slice))
        if not isinstance(value, str | list):
            raise _invalid("only text and lists have slices")
        parts = (node.slice.lower, node.slice.upper, node.slice.step)
        lower, upper, step = (None if part is None else cast("int", self.value_of(part)) for part in parts)
        return value[lower:upper:step]

    def boolean(self, node: ast.BoolOp) -> JSON:
        wants = isinstance(node.op, ast.Or)
        value: JSON = None
        for part in node.values:
            value = self.value_of(part)
            if bool(value) is wants:
                return value
        return value

    def unary(self, node: ast.UnaryOp) -> JSON:
        value = self.value_of(node.operand)
        if isinstance(node.op, ast.Not):
            return not value
        number = _number(value)
        return -number if isinstance(node.op, ast.USub) else number

    def binary(self, node: ast.BinOp) -> JSON:
        left, right = self.value_of(node.left), self.value_of(node.right)
        if isinstance(node.op, ast.Add) and isinstance(left, str | list) and type(left) is type(right):
            return left + right  # type: ignore[operator]
        return cast("JSON", _BINARY[type(node.op)](_number(left), _number(right)))

    def compare(self, node: ast.Compare) -> JSON:
        left = self.value_of(node.left)
        for op, part in zip(node.ops, node.comparators, strict=True):
            right = self.value_of(part)
            if not _COMPARE[type(op)](left, right):
                return False
            left = right
        return True

    def choice(self, node: ast.IfExp) -> JSON:
        return self.value_of(node.body if self.value_of(node.test) else node.orelse)

    def sequence(self, node: ast.List | ast.Tuple) -> JSON:
        return [self.value_of(item) for item in node.elts]

    def mapping(self, node: ast.Dict) -> JSON:
        if any(key is None for key in node.keys):
            raise _invalid("** is not allowed")
        pairs = zip(cast("list[ast.expr]", node.keys), node.values, strict=True)
        return {str(self.value_of(key)): self.value_of(value) for key, value in pairs}

    def call(self, node: ast.Call) -> JSON:
        function = _FUNCTIONS.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if function is None or node.keywords:
            raise _invalid("only these functions exist: " + ", ".join(sorted(_FUNCTIONS)))
        return cast("JSON", function(*(self.value_of(argument) for argument in node.args)))


def _member(value: JSON, key: JSON) -> JSON:
    if isinstance(value, dict):
        return value.get(str(key))
    if isinstance(value, str | list) and isinstance(key, int) and -len(value) <= key < len(value):
        return value[key]
    return None


def _number(value: JSON) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid(f"a number is needed, not {type(value).__name__}")
    return value


def _bounded(value: JSON) -> JSON:
    if isinstance(value, str | list | dict) and len(value) > _SIZE_MAX:
        raise _invalid("a value grew too large")
    if isinstance(value, int) and abs(value) >= _NUMBER_MAX:
        raise _invalid("a number grew too large")
    if isinstance(value, float) and not math.isfinite(value):
        raise _invalid("a number grew too large")
    return value


def _contains(whole: Any, part: Any) -> bool:
    if whole is None:
        return False
    if isinstance(whole, str):
        return isinstance(part, str) and part in whole
    return part in whole


def _joined(values: Any, separator: str = ", ") -> str:
    texts = [to_text(value) for value in values]
    if sum(map(len, texts)) + len(texts) * len(separator) > _SIZE_MAX:
        raise _invalid("a value grew too large")
    return separator.join(texts)


def _rounded(value: Any, digits: int = 0) -> int | float:
    # round() itself works for minutes when the number of digits is absurd.
    if not -15 <= digits <= 15:
        raise _invalid("round takes at most 15 digits")
    return round(_number(value), digits) if digits else round(_number(value))


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda part, whole: _contains(whole, part),
    ast.NotIn: lambda part, whole: not _contains(whole, part),
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "bool": bool,
    "contains": _contains,
    "default": lambda value, other: other if value is None else value,
    "ends_with": lambda text, end: str(text).endswith(str(end)),
    "float": float,
    "int": int,
    "join": _joined,
    "keys": lambda value: list(value.keys()),
    "len": lambda value: 0 if value is None else len(value),
    "lower": lambda text: str(text).lower(),
    "max": max,
    "min": min,
    "round": _rounded,
    "split": lambda text, separator=None: str(text).split(separator),
    "starts_with": lambda text, start: str(text).startswith(str(start)),
    "str": to_text,
    "sum": lambda values: sum(_number(value) for value in values),
    "trim": lambda text: str(text).strip(),
    "upper": lambda text: str(text).upper(),
    "values": lambda value: list(value.values()),
}
# How many arguments a function takes; one, where nothing is said.
_ARGUMENTS: Mapping[str, tuple[int, int]] = {
    "contains": (2, 2),
    "default": (2, 2),
    "ends_with": (2, 2),
    "int": (1, 2),
    "join": (1, 2),
    "max": (1, 100),
    "min": (1, 100),
    "round": (1, 2),
    "split": (1, 2),
    "starts_with": (2, 2),
}
_HANDLERS: dict[type[ast.expr], Callable[[_Evaluation, Any], JSON]] = {
    ast.Attribute: _Evaluation.attribute,
    ast.BinOp: _Evaluation.binary,
    ast.BoolOp: _Evaluation.boolean,
    ast.Call: _Evaluation.call,
    ast.Compare: _Evaluation.compare,
    ast.Constant: _Evaluation.constant,
    ast.Dict: _Evaluation.mapping,
    ast.IfExp: _Evaluation.choice,
    ast.List: _Evaluation.sequence,
    ast.Name: _Evaluation.name,
    ast.Subscript: _Evaluation.subscript,
    ast.Tuple: _Evaluation.sequence,
    ast.UnaryOp: _Evaluation.unary,
}
_ALLOWED: frozenset[type[ast.AST]] = frozenset(
    {*_HANDLERS, *_BINARY, *_COMPARE, ast.Slice, ast.Load, ast.And, ast.Or, ast.Not, ast.USub, ast.UAdd}
)
