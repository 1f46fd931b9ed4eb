"""What the server holds, written into files: comments, references and the division into overlays stay."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from trivium.cli.workspace.files import BASE, SECTIONS, AgentFiles, plain, read_text, read_yaml, write, yaml_text
from trivium.cli.workspace.merging import IDENTITIES, REMOVE, Value, escaped, file_of, fill, is_from_environment

SCHEMA_LINE = "# yaml-language-server: $schema=../../.trivium/agent.schema.json\n"
# Texts that people write at length get files of their own.
LONG_TEXTS = frozenset({"systemPrompt", "instructions", "body"})
LONG_TEXT_MIN = 80


@dataclass(kw_only=True)
class Pulling:
    """The files of one agent (or workflow) while they are brought to what the server holds.

    `identities` tell the items of lists apart; with `is_ordered` their order means something and becomes the server's.
    """

    files: AgentFiles
    environment: Mapping[str, str]
    identities: Mapping[str, str] = field(default_factory=lambda: IDENTITIES)
    is_ordered: bool = False
    written: list[Path] = field(default_factory=list)

    def into_new(self, chatbot: str, spec: Mapping[str, Value]) -> None:
        """Write the files of an agent that has none."""
        ordered = {section: escaped(spec[section]) for section in SECTIONS if section in spec}
        content: dict[str, Value] = {"apiVersion": "v1", "kind": "ChatbotConfig", "chatbot": chatbot, "spec": ordered}
        self._extract(cast("dict[str, Value]", content["spec"]), "")
        self._write(self.files.base, SCHEMA_LINE + yaml_text(blocks(content)))

    def into_existing(self, spec: Mapping[str, Value]) -> None:
        """Change what differs in files that are there. A field the overlay sets is changed in the overlay."""
        base = read_yaml(self.files.base, self.files, plain=False)
        path = self.files.overlay
        overlay = read_yaml(path, self.files, plain=False) if path is not None and path.exists() else None
        if not isinstance(base, dict):
            base = {"spec": {}}
        over = overlay.get("spec") if isinstance(overlay, dict) else None
        target = base.setdefault("spec", {})
        self._object(cast("dict[str, Value]", target), over if isinstance(over, dict) else None, spec, is_spec=True)
        self._write(self.files.base, yaml_text(base))
        if path is not None and isinstance(overlay, dict):
            self._write(path, yaml_text(overlay))

    def _object(
        self,
        base: dict[str, Value],
        over: dict[str, Value] | None,
        wanted: Mapping[str, Value],
        *,
        is_spec: bool = False,
    ) -> None:
        for key, value in wanted.items():
            self._field(base, over, key, value)
        for owner in [base, over or {}]:
            # A section that the key may not read is not told of, and stays.
            for key in [key for key in owner if key not in wanted and not is_spec and not key.startswith("$")]:
                del owner[key]

    def _field(self, base: dict[str, Value], over: dict[str, Value] | None, key: str, value: Value) -> None:
        owner = over if over is not None and key in over else base
        if key not in owner:
            if value not in (None, "", [], {}):
                owner[key] = blocks(escaped(value))
            return
        current = owner[key]
        if value in ([], {}) and current != value:
            owner[key] = value  # made anew, since comments of what was in it have no place any more
        elif isinstance(current, dict) and isinstance(value, dict):
            inner = over.get(key) if over is not None and owner is not over else None
            if owner is over and isinstance(base.get(key), dict):
                self._object(cast("dict[str, Value]", base[key]), current, value)
            else:
                self._object(current, inner if isinstance(inner, dict) else None, value)
        elif key in self.identities and _are_items(value, self.identities[key]) and isinstance(base.get(key), list):
            items = cast("list[Value]", base[key])
            over_items = cast("list[Value]", current) if owner is not base else []
            self._items(items, over_items, cast("list[Value]", value), self.identities[key])
        elif self._filled(current) != value:
            self._replace(owner, key, value)

    def _items(self, current: list[Value], over: list[Value], wanted: list[Value], identity: str) -> None:
        """Change items in their places, add new ones at the end, remove those that are gone; what an overlay says of
        an item is changed there.
        """
        by_key = {item.get(identity): item for item in wanted if isinstance(item, dict)}
        order = [*by_key]
        removed = {self._key(item, identity) for item in over if isinstance(item, dict) and item.get(REMOVE) is True}
        for index in reversed(range(len(over))):
            # An item that is there again is not removed any more; one that is gone needs nothing said of it.
            if (key := self._key(over[index], identity)) is None or (key in by_key) == (key in removed):
                del over[index]
        for index in reversed(range(len(current))):
            key = self._key(current[index], identity)
            if key not in by_key and key not in removed:
                del current[index]
        overs = {self._key(item, identity): item for item in over}
        for item in current:
            found = by_key.pop(key := self._key(item, identity), None)
            if isinstance(item, dict) and found is not None:
                own = overs.pop(key, None)
                self._object(item, own if isinstance(own, dict) else None, found)
        for key, item in overs.items():
            if isinstance(item, dict) and key in by_key:
                self._object(item, None, by_key.pop(key))
        current.extend(blocks(escaped(item)) for item in by_key.values())
        if self.is_ordered:
            self._reorder(current, identity, order)

    def _reorder(self, current: list[Value], identity: str, order: list[Value]) -> None:
        """Bring items into the server's order, where it is another one than the file's."""
        places = [index for index, item in enumerate(current) if self._key(item, identity) in order]
        wanted = sorted((current[index] for index in places), key=lambda item: order.index(self._key(item, identity)))
        for index, item in zip(places, wanted, strict=True):
            if current[index] is not item:
                current[index] = item

    def _key(self, item: Value, identity: str) -> Value:
        return self._filled(item.get(identity)) if isinstance(item, dict) else None

    def _replace(self, owner: dict[str, Value], key: str, value: Value) -> None:
        name = file_of(owner[key])
        if is_from_environment(owner[key]):
            return  # the environment decides, here and there; what it says must not get into a file
        if name is not None and isinstance(value, str) and not Path(name).is_absolute():
            self._write(self.files.folder / name, value + "\n")
        else:
            owner[key] = blocks(escaped(value))

    def _filled(self, value: Value) -> Value:
        try:
            return fill(plain(value), self.environment, lambda name: read_text(self.files, name)).value
        except Exception:  # noqa: BLE001  # what cannot be filled in differs from everything, and is replaced
            return object()  # type: ignore[return-value]

    def _extract(self, content: dict[str, Value], folder: str) -> None:
        """Move long texts into Markdown files and leave references."""
        for key, value in content.items():
            if isinstance(value, dict):
                self._extract(value, folder)
            elif isinstance(value, list):
                for item in value:
                    if isinstance(item, dict):
                        self._extract(item, f"{key}/{_file_name(item)}")
            elif key in LONG_TEXTS and isinstance(value, str) and (len(value) > LONG_TEXT_MIN or "\n" in value):
                name = f"{folder}.md" if folder and key == "body" else f"{folder}.{key}.md" if folder else "prompt.md"
                self._write(self.files.folder / name, value.replace("$${", "${") + "\n")
                content[key] = f"${{file:{name}}}"

    def _write(self, path: Path, text: str) -> None:
        if write(path, text):
            self.written.append(path)


def _are_items(value: Value, identity: str) -> bool:
    """Return whether each item of a list can be told from the others."""
    if not isinstance(value, list):
        return False
    keys = [item.get(identity) if isinstance(item, dict) else None for item in value]
    return all(isinstance(key, str) for key in keys) and len(set(map(str, keys))) == len(keys)


def _file_name(item: Mapping[str, Value]) -> str:
    name = next((str(item[key]) for key in ("name", "id", "domain") if item.get(key)), "item")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-").lower() or "item"


def folder_name(name: str, taken: set[str]) -> str:
    """Return a folder for an agent of this name that no other one has."""
    wanted = _file_name({"name": name})
    number = 1
    found = wanted
    while found in taken:
        number += 1
        found = f"{wanted}-{number}"
    taken.add(found)
    return found


def blocks(value: Value) -> Value:
    """Return the value with texts of several lines as YAML blocks, which read and compare well."""
    from ruamel.yaml.scalarstring import LiteralScalarString

    match value:
        case str() if "\n" in value:
            return cast("Value", LiteralScalarString(value))
        case list():
            return [blocks(item) for item in value]
        case dict():
            return {key: blocks(item) for key, item in value.items()}
        case _:
            return value


__all__ = ["BASE", "Pulling", "blocks", "folder_name"]
