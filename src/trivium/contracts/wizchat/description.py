"""The OpenAPI 3.1 document, made from the operations and the shapes."""

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from trivium import __version__
from trivium.contracts.wizchat import shapes, shapes_config
from trivium.contracts.wizchat.api import Api, Operation

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
            "schemas": _schemas(),
            "securitySchemes": {"managementKey": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"managementKey": []}],
    }


def _schemas() -> dict[str, Any]:
    models = [
        value
        for value in {**vars(shapes), **vars(shapes_config)}.values()
        if isinstance(value, type)
        and issubclass(value, BaseModel)
        and value not in (BaseModel, shapes.Closed, shapes.Open)
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
    if operation.body is not None:
        shown["requestBody"] = {"required": True, "content": _content(_reference(operation.body))}
    if operation.answer is shapes_config.ApplyResult:
        shown["responses"]["422"] = {**_answer(operation), "description": "Partly done: see `failed`."}
    return shown


def _answer(operation: Operation) -> dict[str, Any]:
    if operation.status == 204:
        return {"description": "Done."}
    schema: dict[str, Any] = {"type": "object"}
    if operation.answer is not None:
        schema = _reference(operation.answer)
    if operation.is_list:
        schema = {"type": "array", "items": schema}
    if operation.wrapper is not None:
        properties = {operation.wrapper: schema}
        if operation.is_list and "cursor" in operation.query:
            properties["nextCursor"] = {"type": "string", "description": "Where the next page begins."}
        schema = {"type": "object", "required": [operation.wrapper], "properties": properties}
    return {"description": "Done.", "content": _content(schema)}


def _failure() -> dict[str, Any]:
    return {"description": "Failed.", "content": _content(_reference(shapes.Error))}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _reference(model: type[BaseModel]) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
