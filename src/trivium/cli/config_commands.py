"""`trivium config`: the configuration of many agents as files, and (as Wabee's client has it) profiles."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from trivium.cli import config_profiles
from trivium.cli._output import FAILED, StopError
from trivium.cli.config_options import ALL, HERE, DetailedExitCode, Selection, Workspace
from trivium.cli.remote import FORMS, remote
from trivium.cli.remote_output import confirm, say, show_json, styled
from trivium.cli.remote_progress import Bar

if TYPE_CHECKING:
    from trivium.cli.workspace.files import AgentFiles
    from trivium.cli.workspace.wanted import Wanted
    from trivium.cli.workspace.whole import Whole
    from trivium_client import PublicChatbot, WizChat, WorkflowSet
    from trivium_client.models.wizchat import Drift

CHANGES = 2

app = App(name="config", help="Configuration as files: pull, plan, apply, diff, drift, validate, fmt; and profiles.")
config_profiles.add_to(app)


@app.command
@remote
def pull(*names: str, remote: Workspace = HERE) -> None:
    """Write what the server holds into files. Comments, references and overlays stay; what is new gets files.

    Example: `trivium config pull --workspace ./agents-of-acme`
    """
    import os

    from trivium.cli.workspace.files import find
    from trivium.cli.workspace.planning import in_parallel
    from trivium.cli.workspace.pulling import Pulling, folder_name

    root = remote.root
    known = find(root, remote.env)
    written: list[Path] = _schema_file(root)
    agents = [name.removeprefix("agents/") for name in names]
    with remote.wizchat() as client, Bar("pull", unit="agents", quiet=remote.quiet) as bar:
        bots = client.list_chatbots()
        homes = _homes(bots, remote)
        taken = {files.name for files in known}
        wanted = [bot for bot in bots if not agents or bot.name in agents or homes.get(bot.id) in agents]
        exports = in_parallel(wanted, lambda bot: client.get_config(bot.id), bar)
        workflows = _exported_workflows(client)
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
    if workflows is not None:
        written += _pull_workflows(workflows, names, remote)
    remote.show([{"file": path.relative_to(root).as_posix()} for path in written], "file", name="file")


@app.command
@remote
def plan(
    *names: str,
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
    choice = selection.choice
    wanted = remote.wanted(names, choice)
    with remote.wizchat() as client:
        whole = _planned(client, wanted, remote)
    _show(whole, remote)
    if out is not None:
        save(out, remote.server, whole.agents, choice, environment=remote.env, workflows=whole.kept_workflows)
        say(f"Kept in {out}; apply it with: trivium config apply {out}")
    if detailed_exitcode and whole.has_changes:
        sys.exit(CHANGES)


@app.command
@remote
def diff(
    *names: str,
    selection: Selection = ALL,
    detailed_exitcode: DetailedExitCode = False,
    remote: Workspace = HERE,
) -> None:
    """Show how the files differ from what the server holds; the same as plan, without keeping it.

    Example: `trivium config diff support`
    """
    plan(*names, selection=selection, detailed_exitcode=detailed_exitcode, remote=remote)


@app.command
@remote
def apply(
    *names: str,
    plan: Annotated[Path | None, Parameter(help="Apply this saved plan; refused when it is stale.")] = None,
    selection: Selection = ALL,
    yes: Annotated[bool, Parameter(help="Do not ask.", negative=())] = False,
    remote: Workspace = HERE,
) -> None:
    """Bring agents and workflows to the state in the files. Shows the plan first, and asks before it deletes anything.

    Example: `trivium config apply --env production --max-deletes 3 --yes`
    """
    from trivium.cli.workspace.planning import apply_all, read_saved
    from trivium.cli.workspace.whole import refuse_stale_whole, refuse_too_many, saved_names, workflow_row

    choice = selection.choice
    if plan is None and len(names) == 1 and names[0].endswith(".json"):
        plan, names = Path(names[0]), ()
    saved = read_saved(plan) if plan is not None else None
    if saved is not None:
        choice, names = saved.choice, saved_names(saved)
        remote = replace(remote, env=saved.environment, url=saved.server)
    wanted = remote.wanted(names, choice, is_saved=saved is not None)
    with remote.wizchat() as client:
        whole = _planned(client, wanted, remote)
        if saved is not None:
            refuse_stale_whole(saved, whole)
        if remote.form == "table":
            _show(whole, remote)
        refuse_too_many(whole, choice)
        if whole.deletes and saved is None:
            confirm(f"Delete {', '.join(whole.deletes)}?", yes=yes)
        changed = [planned for planned in whole.agents if planned.has_changes]
        with Bar("apply", unit="agents", quiet=remote.quiet) as bar:
            rows = [applied.row() for applied in apply_all(client, changed, wanted.choice, bar)]
        rows += workflow_row(client, whole, choice, rows)
    if rows or remote.form != "table":
        remote.show(rows, "agent", "status", "revision", "failure", name="agent")
    if any(row["status"] == "failed" for row in rows):
        hint = "What was applied stays; mend what failed and apply again."
        raise StopError("Not everything was applied.", hint=hint, status=FAILED, code="partial_failure")


@app.command
@remote
def drift(*names: str, detailed_exitcode: DetailedExitCode = False, remote: Workspace = HERE) -> None:
    """Show what was changed at the server since the last apply, and by whom.

    Example: `trivium config drift --detailed-exitcode`
    """
    from trivium.cli.workspace.planning import chatbot_ids, in_parallel
    from trivium.cli.workspace.workflow_drift import find_flow_drift

    wanted = remote.wanted(names)
    with remote.wizchat() as client:
        ids = chatbot_ids(client, wanted.agents) if wanted.agents else {}
        there = [(agent.name, found) for agent in wanted.agents if (found := ids[agent.name]) is not None]
        found_drifts = in_parallel(there, lambda pair: client.revisions.drift(pair[1]))
        flows = find_flow_drift(client, wanted) if wanted.flows else None
    drifted = [(name, one) for (name, _), one in zip(there, found_drifts, strict=True) if one.plan.has_changes]
    if remote.form != "table":
        rows: list[dict[str, object]] = [{"agent": name, **one.model_dump(mode="json")} for name, one in drifted]
        show_json([*rows, flows.data] if flows is not None and flows.changes else rows)
    else:
        for name, one in drifted:
            _show_drift(name, one)
        if flows is not None:
            flows.show()
        more = "" if flows is None else f", {flows.changed_count} of {flows.count} workflows"
        print(f"{len(drifted)} of {len(there)} agents{more} changed since they were applied.")
    if detailed_exitcode and (drifted or (flows is not None and flows.changes)):
        sys.exit(CHANGES)


@app.command
@remote
def validate(*names: str, remote: Workspace = HERE) -> None:
    """Check the files without a server: form, names, references, variables.

    Example: `trivium config validate --env production`
    """
    wanted = remote.wanted(names)
    rows: list[dict[str, object]] = [
        {"agent": agent.name, "chatbot": agent.chatbot, "status": "valid"} for agent in wanted.agents
    ]
    flows = [{"workflow": flow.name, "name": flow.title, "status": "valid"} for flow in wanted.flows]
    columns = ("agent", "chatbot", *(("workflow", "name") if flows else ()), "status")
    remote.show([*rows, *flows], *columns, name="agent")


@app.command
@remote
def fmt(
    *names: str,
    check: Annotated[
        bool, Parameter(help="Change nothing; exit with 1 for a file in another form.", negative=())
    ] = False,
    remote: Workspace = HERE,
) -> None:
    """Bring the files into one form; comments stay. Prints the files that changed.

    Example: `trivium config fmt --check`
    """
    from trivium.cli.workspace.files import write
    from trivium.cli.workspace.formatting import formatted, formatted_workflow
    from trivium.cli.workspace.wanted import find_chosen

    changed = []
    found = find_chosen(remote.root, remote.env, names)
    texts = [*((files, formatted(files)) for files in found.agents)]
    texts += [(files, formatted_workflow(files)) for files in found.flows]
    for files, by_name in texts:
        for name, text in by_name.items():
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
def schema(kind: Annotated[Literal["agent", "workflow"], Parameter(help="Of which files.")] = "agent") -> None:
    """Print the JSON Schema of agent.yaml, or of the files of workflows, by which editors complete and check.

    Example: `trivium config schema > .trivium/agent.schema.json`
    """
    from trivium.cli.workspace.schema import agent_schema
    from trivium.cli.workspace.workflow_schema import workflow_schema

    show_json(agent_schema() if kind == "agent" else workflow_schema())


def _planned(client: "WizChat", wanted: "Wanted", remote: Workspace) -> "Whole":
    from trivium.cli.workspace.whole import plan_whole

    with Bar("plan", unit="agents", quiet=remote.quiet) as bar:
        return plan_whole(client, wanted, bar)


def _show(whole: "Whole", remote: Workspace) -> None:
    from trivium.cli.workspace.whole import changed_names, show_whole, whole_as_data

    match remote.form:
        case "table" | "tree" | "text":
            show_whole(whole)
        case "name":
            print("".join(f"{name}\n" for name in changed_names(whole)), end="")
        case _:
            remote.show(whole_as_data(whole))


def _show_drift(name: str, drift: "Drift") -> None:
    from trivium.cli.workspace.showing import op_lines

    people = {revision.actor.name or revision.actor.id for revision in drift.revisions}
    by = f"  by {', '.join(sorted(person for person in people if person))}" if people else ""
    print(styled(name, "1") + by)
    for op in drift.plan.ops:
        if op.action != "noop":
            print("".join(f"  {line}\n" for line in op_lines(op)), end="")


def _exported_workflows(client: "WizChat") -> "WorkflowSet | None":
    """Return the workflows; None where the key may not read them, or the server is older than this."""
    from trivium_client import NotFound, NotPermitted

    try:
        return client.workflow_config.export()
    except (NotFound, NotPermitted):
        return None


def _pull_workflows(found: "WorkflowSet", names: tuple[str, ...], remote: Workspace) -> list[Path]:
    from trivium.cli.workspace.workflow_pulling import pull_workflows
    from trivium.cli.workspace.workflow_schema import PATH, workflow_schema

    written = pull_workflows(remote.root, remote.env, found, [name.removeprefix("workflows/") for name in names])
    for name in found.ambiguous:
        print(f"Several workflows are called {name!r}; rename all but one to keep them in files.", file=sys.stderr)
    return [*(_schema(remote.root / PATH, workflow_schema()) if written else []), *written]


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
    from trivium.cli.workspace.schema import PATH, agent_schema

    return _schema(root / PATH, agent_schema())


def _schema(path: Path, schema: object) -> list[Path]:
    import json

    from trivium.cli.workspace.files import write

    return [path] if write(path, json.dumps(schema, indent=2) + "\n") else []
