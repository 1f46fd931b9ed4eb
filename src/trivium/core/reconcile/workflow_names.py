"""What the steps of workflows refer to, by names that mean the same in another organization."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from trivium.core.model.json import JSON, JSONObject

Kind = Literal["agent", "workflow", "document", "mcp_server"]
# Settings that refer to something, by the type of step.
_FIELDS: Mapping[str, Sequence[tuple[str, Kind]]] = {
    "agent": (("agent_id", "agent"),),
    "agent_tool": (("agent_id", "agent"),),
    "mcp": (("agent_id", "agent"), ("server", "mcp_server")),
    "knowledge": (("files", "document"),),
    "workflow": (("workflow_id", "workflow"),),
}
_BODIES = ("loop", "map")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A place in a workflow that names something else. `agent` is the agent whose tool server is meant, "" for none."""

    kind: Kind
    value: str
    place: str
    agent: str = ""


def references(document: JSONObject) -> list[Reference]:
    """Return what the steps refer to. A setting with a placeholder is decided when it runs, and refers to nothing."""
    found: list[Reference] = []

    def note(reference: Reference) -> str:
        found.append(reference)
        return reference.value

    with_references(document, note)
    return found


def with_references(document: JSONObject, renamed: Callable[[Reference], str]) -> JSONObject:
    """Return the document with every reference as `renamed` wants it."""
    steps = document.get("steps")
    if not isinstance(steps, list):
        return document
    return {
        **document,
        "steps": [_in_step(step, f"steps[{number}]", renamed) for number, step in enumerate(steps)],
    }


def _in_step(step: JSON, place: str, renamed: Callable[[Reference], str]) -> JSON:
    if not isinstance(step, dict) or not isinstance(step.get("config"), dict):
        return step
    config: JSONObject = dict(step["config"])  # type: ignore[arg-type] # checked above
    kind, place = str(step.get("type")), f"{place}.config"
    if kind in _BODIES:
        config["step"] = _in_step(config.get("step"), f"{place}.step", renamed)
    agent = config.get("agent_id")
    for name, meant in _FIELDS.get(kind, ()):
        if name not in config:
            continue
        owner = agent if meant == "mcp_server" and isinstance(agent, str) and not _is_template(agent) else ""
        config[name] = _in_value(
            config[name],
            lambda value, name=name, meant=meant, owner=owner: renamed(  # type: ignore[misc]
                Reference(kind=meant, value=value, place=f"{place}.{name}", agent=owner)
            ),
        )
    return {**step, "config": config}


def _in_value(value: JSON, renamed: Callable[[str], str]) -> JSON:
    if isinstance(value, list):
        return [_in_value(item, renamed) for item in value]
    if not isinstance(value, str) or not value or _is_template(value):
        return value
    return renamed(value)


def _is_template(text: str) -> bool:
    return "{{" in text


@dataclass(frozen=True, kw_only=True)
class Names:
    """What one kind of thing is called in an organization: ids with their names, which need not be unique.

    `paths` are longer names for those whose short one is not unique. With `any_case` a name is found in any case, too.
    """

    by_id: Mapping[str, str] = field(default_factory=dict)
    paths: Mapping[str, str] = field(default_factory=dict)
    any_case: bool = False

    def portable(self, thing_id: str) -> str:
        """Return the name by which `find` finds this again; the id where there is none, or no such thing."""
        for names in (self.by_id, self.paths):
            name = names.get(thing_id)
            if name and not _is_template(name) and self.find(name) == [thing_id]:
                return name
        return thing_id

    def find(self, text: str) -> list[str]:
        """Return the ids of what somebody means: by id, else by name, by the longer name, by name in any case."""
        if text in self.by_id:
            return [text]
        for names in self._searched:
            if found := names.get(text) or names.get(text.strip().strip("/")):
                return found
        return self._in_any_case.get(text.strip().strip("/").casefold(), []) if self.any_case else []

    @cached_property
    def _searched(self) -> tuple[Mapping[str, list[str]], ...]:
        return _inverted(self.by_id), _inverted(self.paths)

    @cached_property
    def _in_any_case(self) -> Mapping[str, list[str]]:
        return _inverted({one: name.casefold() for one, name in self.by_id.items()})


def _inverted(names: Mapping[str, str]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one, name in names.items():
        found.setdefault(name, []).append(one)
    return found


@dataclass(frozen=True, kw_only=True)
class Directory:
    """Everything that workflows of one organization may refer to. `servers` by agent; `stubs` are agents whose tool
    servers stand in their own tools, so that any name may be right.
    """

    agents: Names = field(default_factory=Names)
    workflows: Names = field(default_factory=Names)
    documents: Names = field(default_factory=Names)
    servers: Mapping[str, Names] = field(default_factory=dict)
    stubs: frozenset[str] = frozenset()

    def portable(self, document: JSONObject) -> JSONObject:
        """Return a stored document with names for ids, as far as the names are good elsewhere."""
        return with_references(document, self._name)

    def stored(self, document: JSONObject) -> JSONObject:
        """Return a portable document as it is stored: ids of agents and workflows, names of documents and servers."""
        return with_references(document, self._id)

    def read(self, document: JSONObject, known: Collection[Reference]) -> tuple[JSONObject, list[tuple[str, str]]]:
        """Return a wish in portable form, and (place, reason) of every reference that is to nothing, or to several.

        What the stored workflow refers to already (`known`) is no worse than it was, and passes.
        """
        problems: list[tuple[str, str]] = []
        passing = {(one.kind, one.value) for one in known}

        def checked(reference: Reference) -> str:
            names = self._names(reference)
            found = [] if names is None else names.find(reference.value)
            if names is not None and len(found) == 1:
                return names.portable(found[0])
            if names is not None and (reference.kind, reference.value) not in passing:
                problems.append((reference.place, _reason(reference, found)))
            return reference.value

        return with_references(document, checked), problems

    def _names(self, reference: Reference) -> Names | None:
        """Return where to look, or None where anything may be right."""
        match reference.kind:
            case "agent":
                return self.agents
            case "workflow":
                return self.workflows
            case "document":
                return self.documents
            case "mcp_server":
                owner = self.agents.find(reference.agent)
                is_open = len(owner) != 1 or owner[0] in self.stubs
                return None if is_open else self.servers.get(owner[0], Names())

    def _name(self, reference: Reference) -> str:
        names = self._names(reference)
        found = [] if names is None else names.find(reference.value)
        return names.portable(found[0]) if names is not None and len(found) == 1 else reference.value

    def _id(self, reference: Reference) -> str:
        if reference.kind in ("document", "mcp_server"):
            return self._name(reference)
        names = self._names(reference)
        found = [] if names is None else names.find(reference.value)
        return found[0] if len(found) == 1 else reference.value


def _reason(reference: Reference, found: Sequence[str]) -> str:
    noun = reference.kind.replace("_", " ").replace("mcp", "MCP")
    if found:
        return f"{len(found)} {noun}s are called {reference.value!r}; name one by its id: {', '.join(sorted(found))}"
    return f"there is no {noun} {reference.value!r}"
