"""The description of operations that read their body themselves, because they check the key first."""

from typing import Any

from pydantic import BaseModel

CHAIN_HEADERS: list[dict[str, Any]] = [
    {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, "description": text}
    for name, text in (
        ("session-id", "Name of the conversation; a new one without it."),
        ("request-id", "Name of this request; made up without it."),
        ("Last-Event-ID", "Streams only: go on behind this event of an earlier request."),
    )
]


def body_of(model: type[BaseModel], *media_types: str) -> dict[str, Any]:
    """Return the part of an operation that describes its JSON body."""
    schema = _inlined(model.model_json_schema())
    content = {media_type: {"schema": schema} for media_type in media_types or ("application/json",)}
    return {"requestBody": {"required": True, "content": content}}


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Put definitions where they are referred to: references into a part of a document lead nowhere."""
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(one) for one in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if isinstance(reference, str):
            return resolve(definitions[reference.rsplit("/", 1)[-1]])
        return {key: resolve(value) for key, value in node.items()}

    resolved: dict[str, Any] = resolve(schema)
    return resolved
