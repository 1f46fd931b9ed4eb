"""The workflows of a workspace: found, read, checked.

workflows/NAME.yaml       one workflow; what it refers to stands in it by name
workflows/NAME.ENV.yaml   what differs in an environment
"""

import os
import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from trivium.cli.workspace.files import AgentFiles, WorkspaceError, read_text, read_yaml
from trivium.cli.workspace.merging import Value, fill, merge, spelled

WORKFLOWS = "workflows"
KIND = "Workflow"
TOP_FIELDS = ("apiVersion", "kind", "spec")
FIELDS = ("name", "description", "enabled", "webhook", "schedule", "events", "steps", "edges")
STEP_FIELDS = ("id", "key", "type", "name", "config", "timeoutSeconds", "retry", "default")
EDGE_FIELDS = ("from", "to", "branch")
# What tells the steps apart, so that an overlay changes one of them and comments stay with theirs.
IDENTITIES = {"steps": "id"}
_SLUG = re.compile(r"[^./]+")
_SHAPES = {
    "name": (str, "a text"),
    "description": (str, "a text"),
    "enabled": (bool, "true or false"),
    "webhook": (dict, "an object"),
    "schedule": (dict, "an object"),
    "events": (list, "a list"),
    "steps": (list, "a list"),
    "edges": (list, "a list"),
}


@dataclass(frozen=True, kw_only=True)
class WorkflowFiles(AgentFiles):
    """The file of one workflow, and its overlay."""

    slug: str

    @property
    def name(self) -> str:
        return self.slug

    @property
    def base(self) -> Path:
        return self.folder / f"{self.slug}.yaml"

    @property
    def overlay(self) -> Path | None:
        """Return the file of the environment, where one is chosen."""
        return None if self.environment is None else self.folder / f"{self.slug}.{self.environment}.yaml"


@dataclass(frozen=True, kw_only=True)
class Flow:
    """A workflow as its file wants it; `title` is its name at the server."""

    files: WorkflowFiles
    spec: dict[str, Value]
    hidden: Mapping[tuple[str | int, ...], str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.files.slug

    @property
    def title(self) -> str:
        return str(self.spec["name"])


def workflow_files(root: Path, environment: str | None, slug: str) -> WorkflowFiles:
    """Return where a workflow of this name stands, or would stand."""
    return WorkflowFiles(folder=root / WORKFLOWS, root=root, environment=environment, slug=slug)


def find_workflows(root: Path, environment: str | None) -> list[WorkflowFiles]:
    """Return the workflows of a workspace in the order of their files' names; what has a dot in it is an overlay."""
    slugs = sorted(path.stem for path in (root / WORKFLOWS).glob("*.yaml") if _SLUG.fullmatch(path.stem))
    return [workflow_files(root, environment, slug) for slug in slugs]


def load_workflows(found: Sequence[WorkflowFiles]) -> list[Flow]:
    """Return the workflows of these files; raises WorkspaceError with all that is wrong in all of them."""
    flows: list[Flow] = []
    problems: list[str] = []
    for files in found:
        try:
            flows.append(load_workflow(files))
        except WorkspaceError as error:
            problems += error.problems
    homes: dict[str, Flow] = {}
    for flow in flows:
        first = homes.setdefault(flow.title, flow)
        if first is not flow:
            there = first.files.shown(first.files.base)
            problems.append(f"{flow.files.shown(flow.files.base)}: spec.name: {there} has the same")
    if problems:
        raise WorkspaceError(*problems)
    return flows


def load_workflow(files: WorkflowFiles, environment: Mapping[str, str] | None = None) -> Flow:
    """Return a workflow with its overlay laid on and its references filled in; raises WorkspaceError."""
    content = read_yaml(files.base, files)
    if files.overlay is not None and files.overlay.exists():
        content = merge(content, read_yaml(files.overlay, files), identities=IDENTITIES)
    shown = files.shown(files.base)
    if not isinstance(content, dict):
        raise WorkspaceError(f"{shown}: an object is expected")
    try:
        filled = fill(content, os.environ if environment is None else environment, lambda name: read_text(files, name))
    except KeyError as error:
        raise WorkspaceError(f"{shown}: {error.args[0]}") from error
    whole = cast("dict[str, Value]", filled.value)
    problems = [*_problems(whole)]
    if problems:
        raise WorkspaceError(*(f"{shown}: {problem}" for problem in problems))
    return Flow(files=files, spec=cast("dict[str, Value]", whole["spec"]), hidden=filled.hidden)


def _problems(content: dict[str, Value]) -> Iterator[str]:
    """Yield what is wrong by its form alone; what settings mean, the server says with the plan."""
    yield from (f"{key}: unknown field" for key in content if key not in TOP_FIELDS)
    if content.get("apiVersion", "v1") != "v1":
        yield "apiVersion: v1 is expected"
    if content.get("kind", KIND) != KIND:
        yield f"kind: {KIND} is expected"
    spec = content.get("spec")
    if not isinstance(spec, dict):
        yield "spec: an object is expected"
        return
    yield from (f"spec.{key}: unknown field" for key in spec if key not in FIELDS)
    for name, (kind, words) in _SHAPES.items():
        value = spec.get(name)
        if value is not None and not isinstance(value, kind):
            yield f"spec.{name}: {words} is expected"
    if not spec.get("name"):
        yield "spec.name: missing"
    steps, edges = spec.get("steps"), spec.get("edges")
    ids = yield from _step_problems(steps if isinstance(steps, list) else [])
    yield from _edge_problems(edges if isinstance(edges, list) else [], ids if isinstance(steps, list) else None)


def _step_problems(steps: list[Value]) -> Generator[str, None, set[str]]:
    seen: dict[str, set[str]] = {"id": set(), "key": set()}
    for index, step in enumerate(steps):
        place = ("spec", "steps", index)
        if not isinstance(step, dict):
            yield f"{spelled(place)}: an object is expected"
            continue
        yield from (f"{spelled((*place, key))}: unknown field" for key in step if key not in STEP_FIELDS)
        for name in ("id", "key", "type"):
            value = step.get(name)
            if not isinstance(value, str) or not value:
                yield f"{spelled((*place, name))}: missing"
            elif value in seen.get(name, ()):
                yield f"{spelled((*place, name))}: {value!r} is there twice"
            elif name in seen:
                seen[name].add(value)
        if not isinstance(step.get("config", {}), dict):
            yield f"{spelled((*place, 'config'))}: an object is expected"
    return seen["id"]


def _edge_problems(edges: list[Value], ids: set[str] | None) -> Iterator[str]:
    for index, edge in enumerate(edges):
        place = ("spec", "edges", index)
        if not isinstance(edge, dict):
            yield f"{spelled(place)}: an object is expected"
            continue
        yield from (f"{spelled((*place, key))}: unknown field" for key in edge if key not in EDGE_FIELDS)
        for name in ("from", "to"):
            value = edge.get(name)
            if ids is not None and value not in ids:
                yield f"{spelled((*place, name))}: there is no step {value!r}"
