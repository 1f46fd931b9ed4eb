"""A JSON Schema of agent.yaml, by which editors complete and check."""

from typing import cast

from trivium.cli.workspace.merging import Value

PATH = ".trivium/agent.schema.json"
REFERENCE = {"type": "string", "pattern": r"\$\{(env|file):", "description": "A reference: ${env:NAME}, ${file:path}."}
EXTRA = {
    "chatbot": {"type": "string", "description": "Id or name of the chatbot; the folder's name without it."},
    "secrets": {
        "type": "object",
        "description": "Values that are written and never read back, by place.",
        "additionalProperties": {"type": ["string", "null"]},
        "propertyNames": {"pattern": r"^(accessProtection/jwtSecret|mcpServers/.+/(headers|env)/[^/]+)$"},
    },
}
HIDDEN_FIELDS = frozenset({"omitted_sections", "_omittedSections"})


def agent_schema() -> dict[str, Value]:
    """Return the schema: the contract's document, with references allowed wherever a value stands."""
    from trivium_client import ChatbotConfigDocument

    schema = ChatbotConfigDocument.model_json_schema(by_alias=True)
    properties = {key: value for key, value in schema["properties"].items() if key not in HIDDEN_FIELDS}
    schema["properties"] = {**properties, **EXTRA}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "An agent of a Trivium workspace"
    schema["required"] = ["spec"]
    return cast("dict[str, Value]", with_references(schema))


def with_references(node: object) -> object:
    """Allow a reference beside every number, truth value and choice."""
    if isinstance(node, list):
        return [with_references(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {key: with_references(value) for key, value in node.items()}
    # A property may be named `type` too; then what stands there is a schema.
    if str(found.get("type")) in {"integer", "number", "boolean"} or isinstance(found.get("enum"), list):
        return {"anyOf": [found, REFERENCE]}
    return found
