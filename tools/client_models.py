"""Makes the client's models from what our OpenAPI documents say: one module per contract.

Classes come from datamodel-code-generator. What is done before and after it makes them what the client needs: no
limits (the server checks them), values of later versions are let through, free JSON is typed as JSON.
"""

import functools
import json
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from pydantic.alias_generators import to_camel

TARGET = "src/trivium_client/models/_generated"
HANDY = Path(__file__).resolve().parent.parent / "src/trivium_client/models"
Schema: TypeAlias = dict[str, Any]
_HEADER = '''\
# Written by `make generate` from the OpenAPI document; edits here are lost.
"""The shapes of the {title} contract, as its OpenAPI document describes them."""

'''
_TITLES = {"wabee": "Wabee", "wisebot": "Wisebot", "wizchat": "WizChat"}
# Names on the wire that are no good names in Python, or already another one here.
_NAMES = {
    "wabee": {"Tool.schema": "input_schema"},
    "wisebot": {
        **dict.fromkeys(("FlowEdge.from", "EdgeBody.from"), "source"),
        **dict.fromkeys(("FlowEdge.to", "EdgeBody.to"), "target"),
    },
    "wizchat": {
        "ChatbotConfigDocument._omittedSections": "omitted_sections",
        "RenameBody.from": "old",
        "RenameBody.to": "new",
    },
}
# The configuration document takes no field that it does not know, so that a misspelt one is not lost.
_CLOSED_FROM = "ChatbotConfigDocument"
# The classes of answers with a request id among their fields, of other answers, and of what is sent.
_SNAKE = ("Answer", "TracedAnswer", "Model")
_CAMEL = ("CamelPlainAnswer", "CamelAnswer", "CamelModel")
# What the published contract does not promise: read where it is there, so that the client reads other servers, too.
_UNPROMISED = {
    "Activity": ["events"],
    "Agent": "model status tools description instructions greetingMessage temperature createdAt updatedAt".split(),
    "ApiKeyCreated": ["prefix", "lastFour", "createdAt", "lastUsedAt", "revokedAt"],
    "ChainBody": ["input", "intermediate_steps", "usage"],
    "ChainResult": ["output", "session_id", "request_id"],
    "ChatSession": ["expiresAt", "status", "resumed", "agentId"],
    "ChatSource": ["fileId", "quote", "page", "score"],
    "KnowledgeFile": ["id", "status", "folderPath", "mimeType", "size", "createdAt", "error"],
    "Me": ["name", "email", "role", "scopes", "agentIds", "keyId", "device", "expiresAt"],
    "Observed": ["affected"],
    "Status": ["version", "organization", "metrics"],
    "Token": ["expiresAt", "organizationId", "role"],
    "UploadedFile": ["id", "status", "folderPath"],
    "WorkflowResult": ["runId", "result", "error"],
}
_LIMITS = frozenset("minLength maxLength minItems maxItems minimum maximum exclusiveMinimum pattern title".split())
_FIELD = re.compile(r"^    (\w+): Annotated\[(.*), Field\(alias=['\"](\w+)['\"]\)\]( = .*)?$")


def model_modules() -> dict[str, str]:
    """Return path and contract of every generated module."""
    return {f"{TARGET}/{name}.py": name for name in _TITLES}


def package_text() -> str:
    """Return the text of the modules' package."""
    return _HEADER.split("\n", 1)[0] + '\n"""Models of all contracts, generated."""\n'


@functools.cache
def models_text(name: str) -> str:
    """Return the module of one contract's models."""
    components, answers = _described(name)
    closed = _reachable(components, [_CLOSED_FROM]) if name == "wizchat" else set()
    schemas = {one: _prepared(_promised(one, schema), is_closed=one in closed) for one, schema in components.items()}
    text = _generated(name, schemas, answers)
    handy = (HANDY / f"{name}.py").read_text("utf-8")
    extended = {
        *re.findall(r"^class (\w+)\(", handy, re.MULTILINE),
        *re.findall(r"^(\w+) = shapes\.", handy, re.MULTILINE),
    }
    finished = _finished(text, answers - closed, extended=extended, is_camel=name == "wisebot")
    return _formatted(_HEADER.format(title=_TITLES[name]) + finished)


def _described(name: str) -> tuple[dict[str, Schema], set[str]]:
    """Return the contract's components, and which of them are answered (the others are only sent)."""
    from trivium.contracts import wabee, wisebot, wizchat
    from trivium.contracts.openapi import describe_part
    from trivium.contracts.wizchat.description import components

    part = {"wabee": wabee, "wisebot": wisebot, "wizchat": wizchat}[name].described()
    document = json.loads(
        json.dumps(describe_part(part)).replace(f"#/components/schemas/{name}.", "#/components/schemas/")
    )
    schemas = {one.removeprefix(f"{name}."): schema for one, schema in document["components"]["schemas"].items()}
    if name == "wizchat":
        schemas = {**components(), **schemas}
        del schemas["ManagementApiScope"]  # Its values stand wherever it is used.
        return schemas, set(schemas)
    responses = [
        operation["responses"] for operations in document["paths"].values() for operation in operations.values()
    ]
    more = [model.__name__ for model in part.more]
    return schemas, _reachable(schemas, [*_references(responses), *more])


def _reachable(components: dict[str, Schema], roots: list[str]) -> set[str]:
    found: set[str] = set()
    waiting = [*roots]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += _references(components[one])
    return found


def _references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].rsplit("/", 1)[-1]
        for one in node.values():
            yield from _references(one)
    if isinstance(node, list):
        for one in node:
            yield from _references(one)


def _promised(one: str, schema: Schema) -> Schema:
    """Return the schema with what the contract does not promise as optional."""
    left_out = _UNPROMISED.get(one, [])
    properties = {**schema.get("properties", {})}
    for name in left_out:
        shape = properties[name]
        is_list = shape.get("type") == "array"
        properties[name] = (
            {**shape, "default": []} if is_list else {"anyOf": [shape, {"type": "null"}], "default": None}
        )
    required = [name for name in schema.get("required", []) if name not in left_out]
    return {**schema, "properties": properties, "required": required} if left_out else schema


def _prepared(schema: Schema, *, is_closed: bool) -> Schema:
    """Return the schema without limits, and closed only where it has to be."""

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(one) for one in node]
        if not isinstance(node, dict):
            return node
        kept = {key: plain(one) for key, one in node.items() if key not in _LIMITS or not isinstance(one, int | str)}
        if "properties" in kept and not (is_closed and kept.get("additionalProperties") is False):
            kept.pop("additionalProperties", None)
        return kept

    result: Schema = plain(schema)
    return result


def _generated(name: str, schemas: dict[str, Schema], answers: set[str]) -> str:
    from datamodel_code_generator import (
        DatetimeClassType,
        InputFileType,
        LiteralType,
        OpenAPIScope,
        PythonVersion,
        generate,
    )

    document = {
        "openapi": "3.1.0",
        "info": {"title": name, "version": "1"},
        "paths": {},
        "components": {"schemas": schemas},
    }
    is_camel = name == "wisebot"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = generate(
            json.dumps(document),
            input_file_type=InputFileType.OpenAPI,
            openapi_scopes=[OpenAPIScope.Schemas],
            base_class_map={one: _base(one, schemas[one], answers, is_camel=is_camel) for one in schemas},
            target_python_version=PythonVersion.PY_311,
            snake_case_field=name != "wizchat",
            aliases=_NAMES[name],
            enum_field_as_literal=LiteralType.All,
            output_datetime_class=DatetimeClassType.Datetime,
            disable_future_imports=True,
            disable_timestamp=True,
            strict_nullable=True,
            use_annotated=True,
            use_double_quotes=True,
            use_field_description=True,
            use_one_literal_as_default=True,
            use_schema_description=True,
            use_single_line_docstring=True,
            use_standard_collections=True,
            use_union_operator=True,
            collapse_root_models=True,
            formatters=[],
        )
    if not isinstance(text, str):
        raise TypeError(f"{name}: one module was expected")
    return text


def _base(one: str, schema: Schema, answers: set[str], *, is_camel: bool) -> str:
    """Return the base class: what is sent is plain, what is answered knows its response (and its own request id)."""
    has_request_id = bool({"request_id", "requestId"} & set(schema.get("properties", {})))
    plain, traced, sent = _CAMEL if is_camel else _SNAKE
    kind = sent if one not in answers else plain if has_request_id else traced
    return f"trivium_client._model.{kind}"


def _finished(text: str, answers: set[str], *, extended: set[str], is_camel: bool) -> str:
    """Return the module's text with the client's own types in it; what is `extended` by hand is not offered twice."""
    lines, current = [], ""
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        if found := re.match(r"class (\w+)\(", line):
            current = found[1]
        if is_camel and (found := _FIELD.match(line)) and to_camel(found[1]) == found[3]:
            line = f"    {found[1]}: {found[2]}{found[4] or ''}"
        if current in answers and not re.match(r"    type: Literal\[[^,]*\]", line):
            # A value of a later version is let through, but for the one that tells shapes apart.
            line = re.sub(r"Literal\[[^\]]*\]", r"Known[\g<0>]", line)
        line = re.sub(r"Annotated\[(.*), Field\(validate_default=True\)\]", r"\1", line)
        # An alias would be the argument's name for type checkers.
        line = re.sub(r"Field\(alias=(\S+)\)", r"Field(validation_alias=\1, serialization_alias=\1)", line)
        lines.append(re.sub(r"\bAny\b", "JsonValue", line.replace("dict[str, Any]", "JsonObject")))
    body = re.sub(r'(class .*:\n    """)\n    ', r"\1", "\n".join(lines))
    imports = [("trivium_client._json", "JsonObject"), ("trivium_client._model", "Known")]
    more = "".join(f"from {module} import {one}\n" for module, one in imports if re.search(rf"\b{one}\b", body))
    body = body.replace("from typing import Annotated, JsonValue, Literal", "from typing import Annotated, Literal")
    body = re.sub(r"^from typing import (.*?), JsonValue\b", r"from typing import \1", body, flags=re.MULTILINE)
    more += "from pydantic import JsonValue\n" if "JsonValue" in body else ""
    names = sorted({*re.findall(r"^class (\w+)\(", body, re.MULTILINE)} - extended)
    return f"{more}{body}\n\n__all__ = {json.dumps(names)}\n"


def _formatted(text: str) -> str:
    ruff = [str(Path(sys.executable).parent / "ruff"), "--quiet"]
    for step in (
        ["check", "--fix", "--isolated", "--select=I,F401", "--line-length=120"],
        ["format", "--isolated", "--line-length=120"],
    ):
        done = subprocess.run(
            [*ruff[:1], step[0], *ruff[1:], *step[1:], "-"], input=text, capture_output=True, text=True, check=True
        )
        text = done.stdout
    return text
