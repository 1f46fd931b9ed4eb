"""`trivium runs`: what was executed, by agents and by workflows, and what waits for a person."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from trivium.cli._output import FAILED, USAGE, StopError
from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import cell, confirm, show_json, styled
from trivium.cli.remote_output import show as show_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trivium_client import Wisebot
    from trivium_client.models.wisebot import AgentRun, FlowRun, FlowRunDetail

app = App(name="runs", help="Runs of agents and workflows: list, show, events, cancel, approve, rerun.")
POLL_S = 1.0
UNFINISHED = {"queued", "running", "waiting"}
Kind = Literal["agent", "workflow"]


@app.command(name="list")
@remote
def list_runs(
    *,
    limit: Annotated[int, Parameter(help="How many.")] = 20,
    status: Annotated[str | None, Parameter(help="Only those with this status.")] = None,
    kind: Annotated[Kind | None, Parameter(help="Only those of agents, or of workflows.")] = None,
    remote: Remote = HERE,
) -> None:
    """List runs of agents and workflows, the newest first.

    Example: `trivium runs list --status failed`

    Example: `trivium runs list --kind workflow -o name`
    """
    rows: list[dict[str, object]] = []
    with remote.wisebot() as client:
        if kind != "workflow":
            rows += [_row("agent", run) for run in client.runs.list(limit=limit, status=status)]
        if kind != "agent":
            rows += [_row("workflow", run) for run in client.workflows.all_runs(limit=limit, status=status)]
    rows.sort(key=lambda row: str(row.get("createdAt")), reverse=True)
    if remote.form == "json":
        show_json({"runs": rows[:limit]})
    else:
        remote.show(rows[:limit], "id", "kind", "status", "of", "by", "createdAt", "error")


@app.command
@remote
def show(run_id: str, /, *, remote: Remote = HERE) -> None:
    """Show a run; one of a workflow with its steps.

    Example: `trivium runs show wfr_1`

    Example: `trivium runs show run_1 -o yaml`
    """
    with remote.wisebot() as client:
        run = client.workflows.get_run(run_id) if _is_workflow(run_id) else client.runs.get(run_id)
    if remote.form != "table" or not _is_workflow(run_id):
        remote.answer(run)
        return
    found = run.model_dump(mode="json", by_alias=True)
    steps = found.pop("steps", None) or []
    remote.show(found)
    print()
    columns = ("step", "status", "startedAt", "took", "result")
    show_value([_step_row(step) for step in steps], form="table", columns=columns)


@app.command
@remote
def events(
    run_id: str,
    /,
    *,
    after: Annotated[int | None, Parameter(help="Only those after this sequence number; runs of agents only.")] = None,
    follow: Annotated[bool, Parameter(help="Go on until the run has ended.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Print what happened in a run, one event a line; of a workflow each beginning and end of a step.

    Example: `trivium runs events run_1 --follow -o json`
    """
    with remote.wisebot() as client:
        told = _StepsTold() if _is_workflow(run_id) else _EventsTold(after)
        while True:
            # Asked first: what is written between the two calls is then seen the next time.
            status = told.status(client, run_id) if follow else None
            for event in told.new(client, run_id):
                _print_event(event, remote)
            if not follow or status not in UNFINISHED:
                return
            time.sleep(POLL_S)


@app.command
@remote
def cancel(
    run_id: str, /, *, yes: Annotated[bool, Parameter(help="Do not ask.", negative=())] = False, remote: Remote = HERE
) -> None:
    """End a run; what it did so far stays.

    Example: `trivium runs cancel run_1 --yes`
    """
    confirm(f"Cancel the run {run_id}?", yes=yes)
    with remote.wisebot() as client:
        ended = client.workflows.cancel_run(run_id) if _is_workflow(run_id) else client.runs.cancel(run_id)
    remote.tell(f"The run is {ended['status']}.")


@app.command
@remote
def approve(
    run_id: str,
    approval_id: Annotated[str, Parameter(help="Of an agent's run the approval, of a workflow's the step.")],
    /,
    *,
    refuse: Annotated[bool, Parameter(help="Refuse instead.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Allow what waits for a person, or refuse it: a tool call of an agent, or the yes-or-no of a workflow's form.

    Example: `trivium runs approve run_1 apr_1`

    Example: `trivium runs approve wfr_1 release --refuse`
    """
    with remote.wisebot() as client:
        if _is_workflow(run_id):
            client.workflows.answer_form(run_id, approval_id, _yes_or_no(client, run_id, approval_id, not refuse))
        else:
            client.runs.decide(run_id, approval_id, approve=not refuse)
    remote.tell("Refused." if refuse else "Approved.")


@app.command
@remote
def forms(run_id: str | None = None, /, *, remote: Remote = HERE) -> None:
    """List the forms of workflows that wait for a person, the oldest first.

    Example: `trivium runs forms`
    """
    with remote.wisebot() as client:
        remote.answer(client.workflows.forms(run_id=run_id), "runId", "stepKey", "form", "expiresAt", name="runId")


@app.command
@remote
def answer(
    run_id: str,
    step: Annotated[str, Parameter(help="Key of the step that waits.")],
    /,
    *values: Annotated[str, Parameter(help="Fields as key=value; a value that is JSON is taken as such.")],
    remote: Remote = HERE,
) -> None:
    """Fill in a form of a workflow; its run goes on.

    Example: `trivium runs answer wfr_1 review verdict=good score=4`
    """
    with remote.wisebot() as client:
        client.workflows.answer_form(run_id, step, dict(_field(value) for value in values))
    remote.tell("Answered; the run goes on.")


@app.command
@remote
def rerun(
    run_id: str,
    /,
    *,
    from_step: Annotated[str | None, Parameter(name=["--from-step", "--from"], help="Step to begin with.")] = None,
    remote: Remote = HERE,
) -> None:
    """Run a workflow again with the inputs of an earlier run, and print the id of the new one.

    What lies before --from-step is taken over.

    Example: `trivium runs rerun wfr_1 --from-step send`
    """
    if not _is_workflow(run_id):
        hint = "Ask again with: trivium task new …"
        raise StopError("Only runs of workflows can be run again.", hint=hint, status=USAGE, code="usage")
    with remote.wisebot() as client:
        made = client.workflows.rerun(run_id, from_step=from_step)
    if remote.form == "table":
        print(made["id"])
    else:
        remote.answer(made)
    remote.tell(f"Watch it: trivium runs events {made['id']} --follow")


class _EventsTold:
    """The stored events of an agent's run, each once."""

    def __init__(self, after: int | None) -> None:
        self._last = after

    def new(self, client: "Wisebot", run_id: str) -> "Iterable[Mapping[str, object]]":
        while found := client.runs.events(run_id, after=self._last):
            for event in found:
                self._last = event.sequence
                yield event.model_dump(mode="json", by_alias=True)

    def status(self, client: "Wisebot", run_id: str) -> object:
        return client.runs.get(run_id)["status"]


class _StepsTold:
    """What the steps of a workflow's run do, as events: each state of each step once."""

    def __init__(self) -> None:
        self._seen: set[tuple[object, ...]] = set()
        self._run: FlowRunDetail | None = None

    def new(self, client: "Wisebot", run_id: str) -> "Iterable[Mapping[str, object]]":
        run = self._run or client.workflows.get_run(run_id)
        self._run = None
        steps = run.model_dump(mode="json", by_alias=True).get("steps") or []
        for step in sorted(steps, key=lambda one: str(one.get("startedAt"))):
            mark = (step.get("key"), step.get("item"), step.get("attempt"), step.get("status"))
            if mark in self._seen or step.get("status") == "queued":
                continue
            self._seen.add(mark)
            detail = {name: step[name] for name in ("item", "output", "error", "dueAt") if step.get(name) is not None}
            at = step.get("finishedAt") or step.get("startedAt")
            event = {"type": f"step_{step.get('status')}", "at": at, "step": step.get("key"), **detail}
            yield {"sequence": len(self._seen), **event}

    def status(self, client: "Wisebot", run_id: str) -> object:
        self._run = client.workflows.get_run(run_id)
        return self._run.status


def _is_workflow(run_id: str) -> bool:
    return run_id.startswith("wfr_")


def _row(kind: Kind, run: "AgentRun | FlowRun") -> dict[str, object]:
    """Return a run as it came, with what the table of both kinds shows."""
    found = run.model_dump(mode="json", by_alias=True)
    waits = kind == "workflow" and found.get("waiting") is True
    return {
        "kind": kind,
        "of": found.get("agentId") if kind == "agent" else found.get("workflowId"),
        "by": found.get("channel") if kind == "agent" else found.get("trigger"),
        **found,
        **({"status": "waiting"} if waits else {}),
    }


def _step_row(step: "Mapping[str, object]") -> dict[str, object]:
    item = step.get("item")
    return {
        "step": step.get("key") if item in (None, "") else f"{step.get('key')}[{item}]",
        "status": step.get("status"),
        "startedAt": step.get("startedAt"),
        "took": _took(step.get("startedAt"), step.get("finishedAt")),
        "result": step.get("error") or step.get("output"),
    }


def _took(started: object, finished: object) -> str | None:
    from datetime import datetime

    if not isinstance(started, str) or not isinstance(finished, str):
        return None
    return f"{(datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds():.2f} s"


def _print_event(event: "Mapping[str, object]", remote: Remote) -> None:
    if remote.form == "json":
        print(json.dumps(event, ensure_ascii=False), flush=True)
        return
    rest = {key: value for key, value in event.items() if key not in {"sequence", "type", "at"}}
    kind = styled(str(event["type"]), "1")
    print(f"{event['sequence']:>5}  {kind}  {cell(rest) if rest else ''}".rstrip(), flush=True)


def _yes_or_no(client: "Wisebot", run_id: str, step: str, approved: bool) -> dict[str, object]:
    """Return the answer to a form that asks for a yes or no; raises StopError for one that asks for something else."""
    waiting = [form for form in client.workflows.forms(run_id=run_id) if form["stepKey"] == step]
    if not waiting:
        raise StopError(f"No form of the step {step!r} waits in {run_id}.", hint="trivium runs forms", status=FAILED)
    form = waiting[0]["form"]
    fields = form.get("fields") if isinstance(form, dict) else None
    names = [
        str(field.get("name") or field.get("key"))
        for field in (fields if isinstance(fields, list) else [])
        if isinstance(field, dict) and field.get("type") == "boolean"
    ]
    if len(names) != 1:
        hint = f"Answer its fields: trivium runs answer {run_id} {step} key=value …"
        raise StopError("This form is no single yes or no.", hint=hint, status=USAGE, code="not_yes_or_no")
    return {names[0]: approved}


def _field(text: str) -> tuple[str, object]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise StopError(f"Fields are key=value, not {text!r}.", status=USAGE, code="usage")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
