"""Which agents and workflows of a workspace a command is about, and what their files want."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from trivium.cli._output import USAGE, StopError
from trivium.cli.workspace.files import AGENTS, BASE, Agent, AgentFiles, WorkspaceError, find, load
from trivium.cli.workspace.planning import Choice
from trivium.cli.workspace.workflow_files import (
    WORKFLOWS,
    Flow,
    WorkflowFiles,
    find_workflows,
    load_workflows,
    workflow_files,
)


@dataclass(frozen=True, kw_only=True)
class Found:
    """The files that were chosen. `has_all_flows` is True when no workflow was chosen or left out by its name."""

    agents: list[AgentFiles]
    flows: list[WorkflowFiles]
    has_all_flows: bool


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the chosen files want."""

    agents: list[Agent]
    flows: list[Flow]
    has_all_flows: bool = True
    choice: Choice = field(default_factory=Choice)


def wanted(
    root: Path, environment: str | None, names: Sequence[str], choice: Choice | None = None, *, is_saved: bool = False
) -> Wanted:
    """Return agents and workflows as their files want them; raises WorkspaceError with all that is wrong in all.

    Deleting workflows needs all of them to be looked at; a saved plan (`is_saved`) is held to its own document.
    """
    chosen = choice or Choice()
    found = find_chosen(root, environment, names, chosen)
    if chosen.prune_workflows and not is_saved and not (found.has_all_flows and (root / WORKFLOWS).is_dir()):
        message = "Workflows can only be deleted for having no file when all of the folder's are looked at."
        raise StopError(message, hint="Choose no names, and have a folder workflows/.", status=USAGE, code="usage")
    problems: list[str] = []
    agents: list[Agent] = []
    flows: list[Flow] = []
    for files in found.agents:
        try:
            agents.append(load(files))
        except WorkspaceError as error:
            problems += error.problems
    try:
        flows = load_workflows(found.flows)
    except WorkspaceError as error:
        problems += error.problems
    if problems:
        raise WorkspaceError(*problems)
    if not agents and not flows and not chosen.prune_workflows:
        raise StopError("There are no agents here.", hint="Get them with: trivium config pull", code="no_agents")
    return Wanted(agents=agents, flows=flows, has_all_flows=found.has_all_flows, choice=for_agents(chosen))


def find_chosen(root: Path, environment: str | None, names: Sequence[str] = (), choice: Choice | None = None) -> Found:
    """Return the files of these names: an agent's, a workflow's, or `workflows/NAME`, `agents/NAME` for only one kind.

    Raises WorkspaceError for a name that nothing has.
    """
    agents = {files.name: files for files in find(root, environment)}
    flows = {files.name: files for files in find_workflows(root, environment)}
    problems, only_agents, only_flows = [], set(), set()
    for name in names:
        kind, _, rest = name.partition("/")
        in_agents = {rest} if kind == AGENTS else {name} if kind != WORKFLOWS else set()
        in_flows = {rest} if kind == WORKFLOWS else {name} if kind != AGENTS else set()
        if not (in_agents & agents.keys() or in_flows & flows.keys()):
            missing = workflow_files(root, environment, rest) if kind == WORKFLOWS else None
            shown = f"{AGENTS}/{next(iter(in_agents))}/{BASE}" if missing is None else missing.shown(missing.base)
            problems.append(f"{shown}: no such file")
        only_agents |= in_agents
        only_flows |= in_flows
    if problems:
        raise WorkspaceError(*problems)
    target, exclude = (choice.target, choice.exclude) if choice is not None else ((), ())
    targeted, excluded = _keys(target), _keys(exclude)
    chosen_agents = [files for name, files in agents.items() if not names or name in only_agents]
    chosen_flows = [
        files
        for name, files in flows.items()
        if (not names or name in only_flows)
        and (not target or (targeted is not None and (not targeted or name in targeted)))
        and (excluded is None or (excluded and name not in excluded))
    ]
    _refuse_unknown([*(targeted or ()), *(excluded or ())], flows.keys())
    is_for_agents = not target or any(not _is_flow(name) for name in target)
    return Found(
        agents=chosen_agents if is_for_agents else [],
        flows=chosen_flows,
        has_all_flows=not names and not targeted and excluded is None and (targeted is not None or not target),
    )


def for_agents(choice: Choice) -> Choice:
    """Return the choice without what it says of workflows."""
    return replace(
        choice,
        target=tuple(name for name in choice.target if not _is_flow(name)),
        exclude=tuple(name for name in choice.exclude if not _is_flow(name)),
    )


def _keys(names: Sequence[str]) -> set[str] | None:
    """Return which workflows are named: an empty set for all of them, None for none."""
    mine = [name for name in names if _is_flow(name)]
    if not mine:
        return None
    return set() if WORKFLOWS in mine else {name.partition("/")[2] for name in mine}


def _is_flow(name: str) -> bool:
    return name.partition("/")[0] == WORKFLOWS


def _refuse_unknown(names: Sequence[str], known: Collection[str]) -> None:
    missing = [name for name in names if name not in known]
    if missing:
        raise WorkspaceError(*(f"{WORKFLOWS}/{name}.yaml: no such file" for name in missing))
