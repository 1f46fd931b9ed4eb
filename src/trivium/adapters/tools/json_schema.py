"""Checks tool input against JSON Schema."""

import json
from functools import lru_cache
from typing import Any

from trivium.core.model.json import JSON, JSONObject

_PROBLEMS_MAX = 3
_PROBLEM_CHARS_MAX = 300
# Tool schemas come from outside too: a pattern must not cost more than time linear in the text.
_PATTERN_SIZE_MAX = 1_000_000


class JsonSchemas:
    """See `core.ports.SchemaCheck`. Validators are kept, because an agent's tools are asked again and again."""

    def problem(self, schema: JSONObject, value: JSON) -> str | None:
        """Return up to three problems in one line, or None."""
        validator = _validator(json.dumps(schema, sort_keys=True))
        if validator is None:
            return None
        problems = []
        for error in validator.iter_errors(value):
            place = ".".join(str(part) for part in error.instance_path)
            problems.append((f"{place}: {error.message}" if place else error.message)[:_PROBLEM_CHARS_MAX])
            if len(problems) == _PROBLEMS_MAX:
                break
        return "; ".join(problems) or None


@lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    # Loaded with the first call of a tool: it takes 3 MB.
    import jsonschema_rs

    patterns = jsonschema_rs.RegexOptions(size_limit=_PATTERN_SIZE_MAX)
    try:
        # Nothing is fetched: a reference to another address makes the schema a broken one.
        return jsonschema_rs.validator_for(schema, offline=True, pattern_options=patterns)
    except (ValueError, jsonschema_rs.ReferencingError):
        return None
