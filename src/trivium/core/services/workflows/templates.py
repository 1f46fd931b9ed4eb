"""Templates: `{{key}}`, `{{key.path.0}}` and `{{inputs.field}}` over what earlier steps produced."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON

_PLACEHOLDER = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z0-9_-]+|\[\d{1,9}\])*\??")
_PART = re.compile(r"[^.\[\]]+")
_RENDERED_CHARS_MAX = 1_000_000
_DEPTH_MAX = 32


def render(template: JSON, scope: Mapping[str, JSON]) -> JSON:
    """Return the template with every placeholder filled in, in strings at any depth of lists and objects.

    A string that is one placeholder and nothing else becomes the value itself, whatever its type; inside other text a
    string is put as it is, null as nothing and everything else as JSON. `{{path?}}` is null where there is nothing;
    without the mark a missing value is InvalidRequest, because a request to a URL with a hole in it does harm. So are
    more than a million characters of filled-in text.
    """
    return _Rendering(scope).value_of(template)


def references(template: JSON, depth: int = 0) -> Iterator[str]:
    """Yield the path of every placeholder; InvalidRequest for one that is not a path."""
    if depth > _DEPTH_MAX:
        raise InvalidRequest(f"Nested deeper than {_DEPTH_MAX} levels.", code="invalid_template")
    if isinstance(template, str):
        for match in _PLACEHOLDER.finditer(template):
            yield _checked(match.group(1))
        if "{{" in _PLACEHOLDER.sub("", template):
            raise InvalidRequest("A placeholder is opened and not closed.", code="invalid_template")
    elif isinstance(template, list):
        for item in template:
            yield from references(item, depth + 1)
    elif isinstance(template, dict):
        for name, item in template.items():
            if "{{" in name:
                raise InvalidRequest("The name of a field takes no placeholder.", code="invalid_template")
            yield from references(item, depth + 1)


def root_of(path: str) -> str:
    """Return the key a path starts with."""
    return _split(path)[0]


def look_up(path: str, scope: Mapping[str, JSON]) -> JSON:
    """Return the value at a dotted path; InvalidRequest when there is none, unless the path ends in `?`."""
    value: JSON = dict(scope)
    for part in _split(path):
        found, value = _step_into(value, part)
        if not found:
            if path.endswith("?"):
                return None
            raise InvalidRequest(f"There is no value at {{{{{path}}}}}.", code="missing_value", details={"path": path})
    return value


def to_text(value: JSON) -> str:
    """Return a value as it stands inside other text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class _Rendering:
    def __init__(self, scope: Mapping[str, JSON]) -> None:
        self._scope = scope
        self._size = 0

    def value_of(self, template: JSON) -> JSON:
        if isinstance(template, str):
            return self._text(template)
        if isinstance(template, list):
            return [self.value_of(item) for item in template]
        if isinstance(template, dict):
            return {key: self.value_of(value) for key, value in template.items()}
        return template

    def _text(self, template: str) -> JSON:
        whole = _PLACEHOLDER.fullmatch(template.strip())
        if whole and "{{" not in whole.group(1):
            return look_up(_checked(whole.group(1)), self._scope)
        return _PLACEHOLDER.sub(self._fill, template)

    def _fill(self, match: re.Match[str]) -> str:
        text = to_text(look_up(_checked(match.group(1)), self._scope))
        self._size += len(text)
        if self._size > _RENDERED_CHARS_MAX:
            raise InvalidRequest("The rendered text is too long.", code="too_large")
        return text


def _checked(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise InvalidRequest(
            f"{{{{{path[:80]}}}}} is not a path.", code="invalid_template", details={"path": path[:80]}
        )
    return path


def _split(path: str) -> Sequence[str]:
    return _PART.findall(path.removesuffix("?"))


def _step_into(value: JSON, part: str) -> tuple[bool, JSON]:
    if isinstance(value, dict):
        return part in value, value.get(part)
    if isinstance(value, list) and part.isdecimal() and int(part) < len(value):
        return True, value[int(part)]
    return False, None
