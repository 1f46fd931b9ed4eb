"""The OpenAPI 3.1 document: the routes, and the shapes that each contract adds.

Nothing here is made before somebody asks for the document: a server that nobody asks neither waits nor pays for it.
"""

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
from pydantic import BaseModel, ConfigDict, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from trivium.contracts.routing import About, Router, StrictRoute

JSON_TYPE = "application/json"
EVENTS_TYPE = "text/event-stream"
FORM_TYPE = "multipart/form-data"
FORM_URLENCODED_TYPE = "application/x-www-form-urlencoded"
SchemaObject: TypeAlias = dict[str, Any]


class Shape(BaseModel):
    """What is answered. A field without a default is always there; more fields may come, so none are refused."""

    model_config = ConfigDict(defer_build=True)


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query parameter that an operation reads by itself."""

    text: str
    type: Any = str
    is_needed: bool = False


@dataclass(frozen=True, kw_only=True)
class Described:
    """What an operation takes and answers. Types are pydantic shapes or anything made of them; None is no body.

    `also` are further statuses that are no failure. `events` is the data of one event, where the answer is a stream.
    `failure` is its own shape of errors, where it is not the contract's; an open operation needs no credential.
    """

    answer: Any = None
    status: int = 200
    also: Mapping[int, Any] = field(default_factory=dict)
    events: Any = None
    file_type: str | None = None
    body: Any = None
    body_types: tuple[str, ...] = (JSON_TYPE,)
    is_body_needed: bool = True
    query: Mapping[str, Query] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: type[BaseModel] | None = None
    is_open: bool = False


@dataclass(frozen=True, kw_only=True)
class Part:
    """One contract's share of the document: its operations by method and path below each of the prefixes.

    Its components are called `<name>.<class>`. `security` are its security schemes by name; any of them will do.
    """

    name: str
    prefixes: tuple[str, ...]
    operations: Mapping[str, Described]
    failure: type[BaseModel]
    security: Mapping[str, SchemaObject]
    more: Sequence[type[BaseModel]] = ()


def route(routes: Sequence[BaseRoute], *, parts: Sequence[Callable[[], Part]], title: str, version: str) -> Router:
    """Return the operation that shows the document of these routes; it is made when it is first asked for."""

    @functools.cache
    def document() -> bytes:
        return msgspec.json.encode(describe(routes, parts=[load() for load in parts], title=title, version=version))

    async def show(_request: Request) -> Response:
        return Response(document(), media_type=JSON_TYPE)

    router = Router()
    router.add("/openapi.json", show, methods=["GET"])
    return router


def describe(routes: Sequence[BaseRoute], *, parts: Sequence[Part], title: str, version: str) -> SchemaObject:
    """Return the OpenAPI 3.1 document of those routes that say what they are about.

    Raises LookupError for an operation that is described and not served, or served and not described.
    """
    rows = {
        (method, prefix + path): (part, operation)
        for part in parts
        for (method, path), operation in _by_method(part)
        for prefix in part.prefixes
    }
    schemas = {part.name: _Schemas(part) for part in parts}
    paths: dict[str, SchemaObject] = {}
    for found in routes:
        if isinstance(found, StrictRoute) and found.about is not None:
            for method in sorted(found.methods or ()):
                row = rows.pop((method, found.path_format), None)
                if row is None:
                    raise LookupError(f"{method} {found.path_format} is in no OPERATIONS of a description.py")
                part, operation = row
                shown = _operation(found, found.about, method)
                _fill(shown, operation, schemas[part.name], part)
                paths.setdefault(found.path_format, {})[method.lower()] = shown
    if rows:
        raise LookupError(f"{', '.join(sorted(map(' '.join, rows)))}: described and not served")
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": {name: shape for one in schemas.values() for name, shape in sorted(one.components.items())},
            "securitySchemes": {name: {**scheme} for part in parts for name, scheme in part.security.items()},
        },
    }


def describe_part(part: Part) -> SchemaObject:
    """Return the operations and components of one part as a document, whatever is served."""
    schemas = _Schemas(part)
    paths: dict[str, SchemaObject] = {}
    for (method, path), operation in _by_method(part):
        shown: SchemaObject = {"parameters": []}
        _fill(shown, operation, schemas, part)
        paths.setdefault(part.prefixes[0] + path, {})[method.lower()] = shown
    return {"paths": paths, "components": {"schemas": dict(sorted(schemas.components.items()))}}


def _by_method(part: Part) -> Iterator[tuple[tuple[str, str], Described]]:
    for key, operation in part.operations.items():
        method, path = key.split(" ")
        yield (method, path), operation


def _operation(found: StrictRoute, about: About, method: str) -> SchemaObject:
    parameters: list[SchemaObject] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in found.param_convertors
    ]
    if found.query is not None:
        schema = found.query.model_json_schema()
        required = schema.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": _plain(shape)}
            for name, shape in schema["properties"].items()
        ]
    return {
        "operationId": re.sub(r"\W", "_", f"{found.name}{found.path_format}") + f"_{method.lower()}",
        "summary": about.summary,
        "description": inspect.getdoc(found.endpoint) or "",
        "tags": [*about.tags],
        "parameters": parameters,
    }


def _fill(shown: SchemaObject, operation: Described, schemas: "_Schemas", part: Part) -> None:
    shown["parameters"] += [
        {
            "name": name,
            "in": "query",
            "required": query.is_needed,
            "description": query.text,
            "schema": schemas.of(query.type),
        }
        for name, query in operation.query.items()
    ]
    shown["parameters"] += [
        {"name": name, "in": "header", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in operation.headers.items()
    ]
    if operation.body is not None:
        content = {media_type: {"schema": schemas.of(operation.body)} for media_type in operation.body_types}
        shown["requestBody"] = {"required": operation.is_body_needed, "content": content}
    answers = {operation.status: operation.answer, **operation.also}
    shown["responses"] = {str(status): _answer(answer, schemas) for status, answer in answers.items()}
    if operation.events is not None:
        shown["responses"]["200"] = {
            "description": "A stream of server-sent events; the schema is that of each event's data.",
            "content": {EVENTS_TYPE: {"schema": schemas.of(operation.events)}},
        }
    if operation.file_type is not None:
        schema = {"type": "string", "format": "binary"}
        shown["responses"]["200"] = {
            "description": "The file.",
            "content": {operation.file_type: {"schema": schema}},
        }
    shown["responses"]["default"] = {
        "description": "Failed.",
        "content": {JSON_TYPE: {"schema": schemas.of(operation.failure or part.failure)}},
    }
    shown["security"] = [] if operation.is_open else [{name: []} for name in part.security]


def _answer(answer: Any, schemas: "_Schemas") -> SchemaObject:
    if answer is None:
        return {"description": "Done."}
    return {"description": "Done.", "content": {JSON_TYPE: {"schema": schemas.of(answer)}}}


class _Schemas:
    """The components of one part, gathered as they are named."""

    def __init__(self, part: Part) -> None:
        self.components: SchemaObject = {}
        self._name = part.name
        for model in part.more:
            self.of(model)

    def of(self, kind: Any) -> SchemaObject:
        """Return the schema of a type; what it names is put among the components."""
        template = f"#/components/schemas/{self._name}.{{model}}"
        schema = TypeAdapter(kind).json_schema(ref_template=template)
        named = schema.pop("$defs", {})
        if isinstance(kind, type) and issubclass(kind, BaseModel) and "$ref" not in schema:
            named[kind.__name__] = schema
            schema = {"$ref": template.format(model=kind.__name__)}
        for name, one in named.items():
            key, shape = f"{self._name}.{name}", _plain(one)
            if self.components.setdefault(key, shape) != shape:
                raise ValueError(f"two shapes are called {key}")
        return schema


def _plain(schema: SchemaObject) -> SchemaObject:
    """Return the schema without the titles that only say a field's name again."""
    schema.pop("title", None)
    for one in schema.get("properties", {}).values():
        one.pop("title", None)
    return schema
