"""`trivium runs`: what was executed, and what waits for a person."""

import json
import time
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import cell, confirm, say

if TYPE_CHECKING:
    from trivium_client.models.wisebot import RunEvent

app = App(name="runs", help="Runs: list, show, events, cancel, approve.")
POLL_S = 1.0


@app.command(name="list")
@remote
def list_runs(
    *,
    limit: Annotated[int, Parameter(help="How many.")] = 20,
    status: Annotated[str | None, Parameter(help="Only those with this status.")] = None,
    remote: Remote = HERE,
) -> None:
    """List runs, the newest first.

    Example: `trivium runs list --status failed`
    """
    with remote.wisebot() as client:
        remote.answer(
            client.runs.list(limit=limit, status=status), "id", "status", "channel", "model", "createdAt", "error"
        )


@app.command
@remote
def show(run_id: str, /, *, remote: Remote = HERE) -> None:
    """Show a run.

    Example: `trivium runs show run_1 -o yaml`
    """
    with remote.wisebot() as client:
        remote.answer(client.runs.get(run_id))


@app.command
@remote
def events(
    run_id: str,
    /,
    *,
    after: Annotated[int | None, Parameter(help="Only those after this sequence number.")] = None,
    follow: Annotated[bool, Parameter(help="Go on until the run has ended.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Print what happened in a run, one event a line.

    Example: `trivium runs events run_1 --follow -o json`
    """
    with remote.wisebot() as client:
        last = after
        while True:
            for event in client.runs.events(run_id, after=last):
                last = event.sequence
                _print_event(event, remote)
            if not follow or client.runs.get(run_id)["status"] not in {"queued", "running", "waiting"}:
                return
            time.sleep(POLL_S)


def _print_event(event: "RunEvent", remote: Remote) -> None:
    content = event.model_dump(mode="json", by_alias=True)
    if remote.form == "json":
        print(json.dumps(content, ensure_ascii=False), flush=True)
        return
    rest = {key: value for key, value in content.items() if key not in {"sequence", "type", "at"}}
    print(f"{event.sequence:>5}  {event.type}  {cell(rest) if rest else ''}".rstrip(), flush=True)


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
        client.runs.cancel(run_id)
    say("Cancelled.")


@app.command
@remote
def approve(
    run_id: str,
    approval_id: str,
    /,
    *,
    refuse: Annotated[bool, Parameter(help="Refuse instead.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Allow a tool that waits for a person, or refuse it.

    Example: `trivium runs approve run_1 apr_1`
    """
    with remote.wisebot() as client:
        client.runs.decide(run_id, approval_id, approve=not refuse)
    say("Refused." if refuse else "Approved.")
