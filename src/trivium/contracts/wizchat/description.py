"""The OpenAPI 3.1 document, made from the operations and the shapes."""

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from trivium import __version__
from trivium.contracts.openapi import Shape
from trivium.contracts.wizchat import shapes, shapes_config
from trivium.contracts.wizchat.api import PREFIX, Api, Operation

_TAGS = {
    "contract": "Published by the contract.",
    "inferred": "Inferred from the contract's schemas.",
    "ours": "Beyond the contract.",
}


def describe(api: Api) -> dict[str, Any]:
    """Return the description of every operation; the names of the components are the published ones."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in api.operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Trivium: WizChat Management API", "version": __version__},
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": components(),
            "securitySchemes": {"managementKey": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"managementKey": []}],
    }


def components() -> dict[str, Any]:
    """Return the schemas of all shapes by name: the published ones, and ours beyond them."""
    from trivium.contracts.wizchat import shapes_ours

    models = [
        value
        for value in {**vars(shapes), **vars(shapes_config), **vars(shapes_ours)}.values()
        if isinstance(value, type)
        and issubclass(value, BaseModel)
        and value not in (BaseModel, shapes.Closed, shapes.Open, Shape)
    ]
    _, schema = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = schema["$defs"]
    schemas["ManagementApiScope"] = {"type": "string", "enum": [*shapes.ManagementApiScope.__args__]}  # type: ignore[attr-defined] # a Literal
    return schemas


def _operation(operation: Operation) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    parameters += [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}} for name in operation.query
    ]
    shown: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.mark],
        "parameters": parameters,
        "responses": {str(operation.status): _answer(operation), "default": _failure()},
    }
    if operation.scope is not None:
        shown["x-required-scope"] = operation.scope
    if content := _request_body(operation):
        shown["requestBody"] = {"required": True, "content": content}
    if operation.answer is shapes_config.ApplyResult:
        shown["responses"]["422"] = {**_answer(operation), "description": "Partly done: see `failed`."}
    return shown


def _request_body(operation: Operation) -> dict[str, Any]:
    from trivium.contracts.wizchat import shapes_ours

    key = _key(operation)
    if upload := shapes_ours.UPLOADS.get(key):
        return {"multipart/form-data": {"schema": _reference(upload)}}
    body = operation.body or shapes_ours.BODIES.get(key)
    return {} if body is None else _content(_reference(body))


def _answer(operation: Operation) -> dict[str, Any]:
    from trivium.contracts.wizchat import shapes_ours

    if operation.status == 204:
        return {"description": "Done."}
    schema: dict[str, Any] = {"type": "object"}
    answer = operation.answer or shapes_ours.ANSWERS.get(_key(operation))
    if answer is not None:
        schema = _reference(answer)
    if operation.is_list:
        schema = {"type": "array", "items": schema}
    if operation.wrapper is not None:
        properties = {operation.wrapper: schema}
        if operation.is_list and "cursor" in operation.query:
            properties["nextCursor"] = {"type": "string", "description": "Where the next page begins."}
        schema = {"type": "object", "required": [operation.wrapper], "properties": properties}
    return {"description": "Done.", "content": _content(schema)}


def _key(operation: Operation) -> str:
    return f"{operation.method} {operation.path.removeprefix(PREFIX)}"


def _failure() -> dict[str, Any]:
    return {"description": "Failed.", "content": _content(_reference(shapes.Error))}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
