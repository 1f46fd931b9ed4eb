"""Values of a workspace, purely: overlays laid on bases, references filled in."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

# What a YAML file holds.
Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
Path: TypeAlias = tuple[str | int, ...]

# What tells the items of a list apart, so that an overlay can change one of them.
IDENTITIES = {"mcpServers": "name", "skills": "name", "domains": "domain", "scopes": "id"}
REMOVE = "$remove"
REFERENCE = re.compile(r"\$\$\{|\$\{(env|file):([^}]*)\}")


def merge(
    base: Value, overlay: Value, *, name: str = "", identities: Mapping[str, str] = MappingProxyType(IDENTITIES)
) -> Value:
    """Return the base with the overlay on it.

    Objects merge field by field. Items of mcpServers, skills, domains and scopes (or of the lists in `identities`)
    merge by their identity; an item with `$remove: true` goes. Everything else is replaced; null stays null, which
    clears a field.
    """
    if isinstance(base, dict) and isinstance(overlay, dict):
        merged = dict(base)
        for key, value in overlay.items():
            is_both = key in base
            merged[key] = merge(base[key], value, name=key, identities=identities) if is_both else _without_marks(value)
        return merged
    identity = identities.get(name)
    if identity and isinstance(base, list) and isinstance(overlay, list):
        return _merge_items(base, overlay, identity)
    return _without_marks(overlay)


def _merge_items(base: list[Value], overlay: list[Value], identity: str) -> Value:
    merged = {_identity(item, identity, index): item for index, item in enumerate(base)}
    for index, item in enumerate(overlay, len(base)):
        key = _identity(item, identity, index)
        if isinstance(item, dict) and item.get(REMOVE) is True:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged[key], item) if key in merged else _without_marks(item)
    return list(merged.values())


def _identity(item: Value, identity: str, index: int) -> str:
    """Return what an item is known by; one without an identity is known by its place, and found by the checks."""
    found = item.get(identity) if isinstance(item, dict) else None
    return found if isinstance(found, str) else f"\0{index}"


def _without_marks(value: Value) -> Value:
    match value:
        case dict():
            return {key: _without_marks(inner) for key, inner in value.items() if key != REMOVE}
        case list():
            kept = (item for item in value if not (isinstance(item, dict) and item.get(REMOVE) is True))
            return [_without_marks(item) for item in kept]
        case _:
            return value


@dataclass(kw_only=True)
class Filled:
    """Values with their references filled in; `hidden` are the places that came from the environment."""

    value: Value
    hidden: dict[Path, str] = field(default_factory=dict)
    files: dict[Path, str] = field(default_factory=dict)


def fill(value: Value, environment: Mapping[str, str], read_file: Callable[[str], str]) -> Filled:
    """Return the value with `${env:NAME}`, `${env:NAME:-default}` and `${file:path}` filled in, `$${` being `${`.

    Raises KeyError with the place and the variable that is not set; `read_file` raises what it likes.
    """
    filled = Filled(value=None)
    filled.value = _fill(value, (), filled, (environment, read_file))
    return filled


Sources: TypeAlias = tuple[Mapping[str, str], Callable[[str], str]]


def _fill(value: Value, path: Path, filled: Filled, sources: Sources) -> Value:
    match value:
        case str():
            return _fill_text(value, path, filled, sources)
        case list():
            return [_fill(item, (*path, index), filled, sources) for index, item in enumerate(value)]
        case dict():
            return {key: _fill(item, (*path, key), filled, sources) for key, item in value.items()}
        case _:
            return value


def _fill_text(text: str, path: Path, filled: Filled, sources: Sources) -> str:
    environment, read_file = sources

    def replaced(match: re.Match[str]) -> str:
        kind, name = match[1], match[2]
        if kind is None:
            return "${"
        if kind == "file":
            filled.files[path] = name
            return read_file(name)
        variable, has_default, default = name.partition(":-")
        if variable not in environment and not has_default:
            raise KeyError(f"{spelled(path)}: the variable {variable} is not set")
        filled.hidden[path] = variable
        return environment.get(variable, default)

    return REFERENCE.sub(replaced, text)


def escaped(value: Value) -> Value:
    """Return the value such that filling it in gives the value again."""
    match value:
        case str():
            return value.replace("${", "$${")
        case list():
            return [escaped(item) for item in value]
        case dict():
            return {key: escaped(item) for key, item in value.items()}
        case _:
            return value


def file_of(text: Value) -> str | None:
    """Return the path when a text is nothing but a reference to a file."""
    match = REFERENCE.fullmatch(text) if isinstance(text, str) else None
    return match[2] if match and match[1] == "file" else None


def is_from_environment(text: Value) -> bool:
    """Return whether a text holds a reference to the environment."""
    return isinstance(text, str) and any(match[1] == "env" for match in REFERENCE.finditer(text))


def spelled(path: Path) -> str:
    """Return a place as people write it: `spec.skills[1].name`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def identities(spec: Mapping[str, Value]) -> Iterator[tuple[str, str, int, Value]]:
    """Yield section, identity field, index and identity of every item that must have one."""
    for section in ("mcpServers", "skills", "domains"):
        items = spec.get(section)
        for index, item in enumerate(items if isinstance(items, list) else []):
            yield section, IDENTITIES[section], index, item.get(IDENTITIES[section]) if isinstance(item, dict) else None
