"""`trivium config`: the configuration of many agents as files, and (as Wabee's client has it) profiles."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from trivium.cli import config_profiles
from trivium.cli._output import FAILED, StopError
from trivium.cli.remote import FORMS, Remote, remote
from trivium.cli.remote_output import confirm, say, show_json, styled
from trivium.cli.remote_progress import Bar

if TYPE_CHECKING:
    from trivium.cli.workspace.files import Agent
    from trivium.cli.workspace.planning import Choice, Planned
    from trivium_client import PublicChatbot, WizChat

CHANGES = 2

app = App(name="config", help="Configuration as files: pull, plan, apply, diff, drift, validate, fmt; and profiles.")
config_profiles.add_to(app)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Workspace(Remote):
    """Which workspace, and which of its agents."""

    workspace: Annotated[Path, Parameter(name=["--workspace", "-w"], help="Folder of the workspace.")] = Path()
    env: Annotated[str | None, Parameter(help="Environment whose overlays (agent.ENV.yaml) are laid on.")] = None

    def agents(self, names: tuple[str, ...]) -> "list[Agent]":
        """Return the agents as their files want them; raises StopError with all that is wrong in all of them."""
        from trivium.cli.workspace.files import WorkspaceError, find, load

        loaded: list[Agent] = []
        problems: list[str] = []
        for files in find(self.workspace.resolve(), self.env, [*names]):
            try:
                loaded.append(load(files))
            except WorkspaceError as error:
                problems += error.problems
        if problems:
            raise WorkspaceError(*problems)
        if not loaded:
            raise StopError("There are no agents here.", hint="Get them with: trivium config pull", code="no_agents")
        return loaded


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Selection:
    """What of each document is planned."""

    target: Annotated[list[str] | None, Parameter(help="Only this section, or section/key; may be repeated.")] = None
    exclude: Annotated[list[str] | None, Parameter(help="Not this section, or section/key; may be repeated.")] = None
    no_prune: Annotated[bool, Parameter(help="Create and update, delete nothing.", negative=())] = False
    max_deletes: Annotated[int | None, Parameter(help="Refuse when more would be deleted, per agent.")] = None

    @property
    def choice(self) -> "Choice":
        """Return the same as data."""
        from trivium.cli.workspace.planning import Choice

        return Choice(
            target=tuple(self.target or ()),
            exclude=tuple(self.exclude or ()),
            prune=False if self.no_prune else None,
            max_deletes=self.max_deletes,
        )


HERE = Workspace()
ALL = Selection()
DetailedExitCode = Annotated[bool, Parameter(help="Exit with 2 when there are changes.", negative=())]


@app.command
@remote
def pull(*agents: str, remote: Workspace = HERE) -> None:
    """Write what the server holds into files. Comments, references and overlays stay; new agents get a folder.

    Example: `trivium config pull --workspace ./agents-of-acme`
    """
    import os

    from trivium.cli.workspace.files import find
    from trivium.cli.workspace.planning import in_parallel
    from trivium.cli.workspace.pulling import Pulling, folder_name

    root = remote.workspace.resolve()
    known = find(root, remote.env)
    written: list[Path] = _schema_file(root)
    with remote.wizchat() as client, Bar("pull", unit="agents", quiet=remote.quiet) as bar:
        bots = client.list_chatbots()
        homes = _homes(bots, remote)
        taken = {files.name for files in known}
        wanted = [bot for bot in bots if not agents or bot.name in agents or homes.get(bot.id) in agents]
        exports = in_parallel(wanted, lambda bot: client.get_config(bot.id), bar)
    for bot, exported in zip(wanted, exports, strict=True):
        spec = exported.spec.model_dump(mode="json", exclude_unset=True)
        home = homes.get(bot.id)
        files = next((one for one in known if one.name == home), None)
        if files is None:
            files = _new_files(root, folder_name(bot.name, taken), remote.env)
            pulling = Pulling(files=files, environment=os.environ)
            pulling.into_new(bot.id, spec)
        else:
            pulling = Pulling(files=files, environment=os.environ)
            pulling.into_existing(spec)
        written += pulling.written
    remote.show([{"file": path.relative_to(root).as_posix()} for path in written], "file", name="file")


@app.command
@remote
def plan(
    *agents: str,
    out: Annotated[Path | None, Parameter(help="Keep the plan in this file, to apply exactly this one.")] = None,
    selection: Selection = ALL,
    detailed_exitcode: DetailedExitCode = False,
    remote: Workspace = HERE,
) -> None:
    """Show what an apply would do, and change nothing. -o takes a form, or a file to keep the plan in.

    Exit code 0; with --detailed-exitcode 2 for changes and 1 for errors.

    Example: `trivium config plan --env production -o plan.json --detailed-exitcode`
    """
    from trivium.cli.workspace.planning import save

    if out is None and remote.output is not None and remote.output not in FORMS:
        out, remote = Path(remote.output), replace(remote, output=None)
    loaded = remote.agents(agents)
    with remote.wizchat() as client:
        plans = _plans(client, loaded, selection.choice, remote)
    _show(plans, remote)
    if out is not None:
        save(out, remote.server, plans, selection.choice)
        say(f"Kept in {out}; apply it with: trivium config apply {out}")
    if detailed_exitcode and any(planned.has_changes for planned in plans):
        sys.exit(CHANGES)


@app.command
@remote
def diff(
    *agents: str,
    selection: Selection = ALL,
    detailed_exitcode: DetailedExitCode = False,
    remote: Workspace = HERE,
) -> None:
    """Show how the files differ from what the server holds; the same as plan, without keeping it.

    Example: `trivium config diff support`
    """
    plan(*agents, selection=selection, detailed_exitcode=detailed_exitcode, remote=remote)


@app.command
@remote
def apply(
    *agents: str,
    plan: Annotated[Path | None, Parameter(help="Apply this saved plan; refused when it is stale.")] = None,
    selection: Selection = ALL,
    yes: Annotated[bool, Parameter(help="Do not ask.", negative=())] = False,
    remote: Workspace = HERE,
) -> None:
    """Bring the agents to the state in the files. Shows the plan first, and asks before it deletes anything.

    Example: `trivium config apply --env production --max-deletes 3 --yes`
    """
    from trivium.cli.workspace.planning import apply_all, read_saved, refuse_stale

    choice = selection.choice
    if plan is None and len(agents) == 1 and agents[0].endswith(".json"):
        plan, agents = Path(agents[0]), ()
    saved = read_saved(plan) if plan is not None else None
    if saved is not None:
        choice, agents = saved.choice, tuple(saved.agents)
        remote = replace(remote, env=saved.environment, url=saved.server)
    loaded = remote.agents(agents)
    with remote.wizchat() as client:
        plans = _plans(client, loaded, choice, remote)
        if saved is not None:
            refuse_stale(saved, plans)
        if remote.form == "table":
            _show(plans, remote)
        _refuse_too_many(plans, choice)
        deleted = [f"{one.agent.name}: {op.section}/{op.key}" for one in plans for op in one.deletes]
        if deleted and saved is None:
            confirm(f"Delete {', '.join(deleted)}?", yes=yes)
        changed = [planned for planned in plans if planned.has_changes]
        with Bar("apply", unit="agents", quiet=remote.quiet) as bar:
            rows = [applied.row() for applied in apply_all(client, changed, choice, bar)]
    if rows or remote.form != "table":
        remote.show(rows, "agent", "status", "revision", "failure", name="agent")
    if any(row["status"] == "failed" for row in rows):
        hint = "What was applied stays; mend what failed and apply again."
        raise StopError("Not everything was applied.", hint=hint, status=FAILED, code="partial_failure")


@app.command
@remote
def drift(*agents: str, detailed_exitcode: DetailedExitCode = False, remote: Workspace = HERE) -> None:
    """Show what was changed at the server since the last apply, and by whom.

    Example: `trivium config drift --detailed-exitcode`
    """
    from trivium.cli.workspace.planning import chatbot_ids, in_parallel
    from trivium.cli.workspace.showing import op_lines

    loaded = remote.agents(agents)
    with remote.wizchat() as client:
        ids = chatbot_ids(client, loaded)
        there = [(agent.name, found) for agent in loaded if (found := ids[agent.name]) is not None]
        found_drifts = in_parallel(there, lambda pair: client.revisions.drift(pair[1]))
    drifted = [(name, one) for (name, _), one in zip(there, found_drifts, strict=True) if one.plan.has_changes]
    if remote.form != "table":
        show_json([{"agent": name, **one.model_dump(mode="json")} for name, one in drifted])
    else:
        for name, one in drifted:
            people = {revision.actor.name or revision.actor.id for revision in one.revisions if revision.actor}
            by = f"  by {', '.join(sorted(person for person in people if person))}" if people else ""
            print(styled(name, "1") + by)
            for op in one.plan.ops:
                if op.action != "noop":
                    print("".join(f"  {line}\n" for line in op_lines(op)), end="")
        print(f"{len(drifted)} of {len(there)} agents changed since they were applied.")
    if detailed_exitcode and drifted:
        sys.exit(CHANGES)


@app.command
@remote
def validate(*agents: str, remote: Workspace = HERE) -> None:
    """Check the files without a server: form, names, references, variables.

    Example: `trivium config validate --env production`
    """
    loaded = remote.agents(agents)
    rows = [{"agent": agent.name, "chatbot": agent.chatbot, "status": "valid"} for agent in loaded]
    remote.show(rows, "agent", "chatbot", "status", name="agent")


@app.command
@remote
def fmt(
    *agents: str,
    check: Annotated[
        bool, Parameter(help="Change nothing; exit with 1 for a file in another form.", negative=())
    ] = False,
    remote: Workspace = HERE,
) -> None:
    """Bring the files into one form; comments stay. Prints the files that changed.

    Example: `trivium config fmt --check`
    """
    from trivium.cli.workspace.files import find, write
    from trivium.cli.workspace.formatting import formatted

    changed = []
    for files in find(remote.workspace.resolve(), remote.env, [*agents]):
        for name, text in formatted(files).items():
            path = files.folder / name
            if (path.read_text("utf-8") != text) if check else write(path, text):
                changed.append(files.shown(path))
    for shown in changed:
        print(shown)
    if check and changed:
        raise StopError(
            f"{len(changed)} files want another form.", hint="Run: trivium config fmt", code="not_formatted"
        )


@app.command
@remote
def schema() -> None:
    """Print the JSON Schema of agent.yaml, by which editors complete and check.

    Example: `trivium config schema > .trivium/agent.schema.json`
    """
    from trivium.cli.workspace.schema import agent_schema

    show_json(agent_schema())


def _plans(client: "WizChat", agents: "list[Agent]", choice: "Choice", remote: Workspace) -> "list[Planned]":
    from trivium.cli.workspace.planning import make_plans

    with Bar("plan", unit="agents", quiet=remote.quiet) as bar:
        return make_plans(client, agents, choice, bar)


def _show(plans: "list[Planned]", remote: Workspace) -> None:
    from trivium.cli.workspace.showing import as_data, show_plans, summary

    match remote.form:
        case "table" | "tree" | "text":
            show_plans(plans)
        case "name":
            print("".join(f"{planned.agent.name}\n" for planned in plans if planned.has_changes), end="")
        case _:
            remote.show({"summary": summary(plans), "agents": [as_data(planned) for planned in plans]})


def _refuse_too_many(plans: "list[Planned]", choice: "Choice") -> None:
    for planned in plans:
        if choice.max_deletes is not None and len(planned.deletes) > choice.max_deletes:
            raise StopError(
                f"{planned.agent.name}: {len(planned.deletes)} deletes, at most {choice.max_deletes} are allowed.",
                hint="Nothing was changed.",
                code="too_many_deletes",
            )


def _homes(bots: "Sequence[PublicChatbot]", remote: Workspace) -> dict[str, str]:
    """Return the folder of each chatbot that the workspace knows."""
    from trivium.cli.workspace.files import find, load
    from trivium.cli.workspace.planning import ids_among

    loaded = [load(files) for files in find(remote.workspace.resolve(), remote.env)]
    return {found: name for name, found in ids_among(bots, loaded).items() if found is not None}


def _new_files(root: Path, name: str, environment: str | None) -> "AgentFiles":
    from trivium.cli.workspace.files import AGENTS, AgentFiles

    return AgentFiles(folder=root / AGENTS / name, root=root, environment=environment)


def _schema_file(root: Path) -> list[Path]:
    import json

    from trivium.cli.workspace.files import write
    from trivium.cli.workspace.schema import PATH, agent_schema

    path = root / PATH
    return [path] if write(path, json.dumps(agent_schema(), indent=2) + "\n") else []


if TYPE_CHECKING:
    from trivium.cli.workspace.files import AgentFiles
