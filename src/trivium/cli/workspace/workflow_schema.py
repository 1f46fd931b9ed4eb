"""A JSON Schema of the files of workflows, by which editors complete and check."""

from trivium.cli.workspace.merging import Value
from trivium.cli.workspace.schema import with_references

PATH = ".trivium/workflow.schema.json"
STEP_TYPES = (
    *("input", "output", "llm", "knowledge", "agent", "agent_tool", "mcp", "http", "code", "condition", "transform"),
    *("delay", "loop", "map", "human", "workflow"),
)
EVENTS = ("conversation.created", "conversation.status", "message.created")


def workflow_schema() -> dict[str, Value]:
    """Return the schema. What the settings of a step mean, the server checks with the plan."""
    spec: dict[str, Value] = {
        "name": {"type": "string", "minLength": 1, "maxLength": 200, "description": "What the workflow is known by."},
        "description": {"type": ["string", "null"]},
        "enabled": {"type": "boolean"},
        "webhook": _object({"enabled": {"type": "boolean"}}, description="Whether its trigger takes calls."),
        "schedule": {"anyOf": [_schedule(), {"type": "null"}]},
        "events": {"type": "array", "items": {"enum": [*EVENTS]}, "description": "Events that start it."},
        "steps": {"type": "array", "minItems": 1, "items": _step()},
        "edges": {"type": "array", "items": _edge()},
    }
    whole: dict[str, Value] = {
        "apiVersion": {"const": "v1"},
        "kind": {"const": "Workflow"},
        "spec": _object(spec, "name"),
    }
    schema = with_references(_object(whole, "spec"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A workflow of a Trivium workspace",
        **(schema if isinstance(schema, dict) else {}),
    }


def _step() -> Value:
    retry = _object({"attempts": {"type": "integer", "minimum": 1, "maximum": 10}, "waitSeconds": {"type": "number"}})
    fields: dict[str, Value] = {
        "id": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "description": "What lines refer to."},
        "key": {"type": "string", "pattern": "^[a-z][a-zA-Z0-9_]{0,63}$", "description": "Its name in templates."},
        "type": {"enum": [*STEP_TYPES]},
        "name": {"type": "string"},
        "config": {
            "type": "object",
            "description": "Belongs to the type; agents, workflows, files and MCP servers stand here by name.",
        },
        "timeoutSeconds": {"type": ["number", "null"]},
        "retry": retry,
        "default": {"description": "What the step yields when it failed for good."},
    }
    return _object(fields, "id", "key", "type")


def _edge() -> Value:
    fields: dict[str, Value] = {
        "from": {"type": "string"},
        "to": {"type": "string"},
        "branch": {"type": ["string", "boolean", "null"]},
    }
    return _object(fields, "from", "to")


def _schedule() -> Value:
    return _object(
        {
            "enabled": {"type": "boolean"},
            "intervalMinutes": {"type": ["integer", "null"], "minimum": 1},
            "cron": {"type": ["string", "null"]},
            "timeZone": {"type": "string"},
            "inputs": {"type": "object"},
            "missed": {"enum": ["skip", "run_once"]},
            "allowOverlap": {"type": "boolean"},
        },
        description="By intervalMinutes or by cron.",
    )


def _object(properties: dict[str, Value], *required: str, description: str = "") -> Value:
    shape: dict[str, Value] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        shape["required"] = [*required]
    return {**shape, "description": description} if description else shape
