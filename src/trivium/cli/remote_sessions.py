"""`trivium sessions`: conversations of an agent and their traces."""

from itertools import islice
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import cell, confirm, say, styled

if TYPE_CHECKING:
    from trivium_client.models.wabee import Trace

app = App(name="sessions", help="Conversations of an agent and their traces.")


@app.command(name="list")
@remote
def list_sessions(
    *,
    limit: Annotated[int, Parameter(help="How many; more than 50 fetches several pages.")] = 10,
    before: Annotated[str | None, Parameter(help="Only those older than this one.")] = None,
    remote: Remote = HERE,
) -> None:
    """List conversations, the newest first.

    Example: `trivium sessions list --limit 200 -o name`
    """
    with remote.wabee() as client:
        if limit > 50 and before is None:
            rows = list(islice(client.sessions.iterate(), limit))
        else:
            rows = client.sessions.list(limit=limit, before=before).sessions
    found = [row.model_dump(mode="json", by_alias=True) for row in rows]
    remote.show(found, "session_id", "short_name", "status", "created_at", name="session_id")


@app.command
@remote
def get(session_id: str, /, *, remote: Remote = HERE) -> None:
    """Show a conversation with its messages.

    Example: `trivium sessions get 5f0c2a0e`
    """
    with remote.wabee() as client:
        found = client.sessions.get(session_id)
    if remote.form in {"json", "yaml", "name"}:
        remote.answer(found, name="session_id")
        return
    for message in found.messages:
        print(f"{styled(message.role, '1')}: {message.content}")


@app.command
@remote
def trace(
    session_id: str,
    /,
    *,
    request_id: Annotated[str | None, Parameter(help="Only this request.")] = None,
    max_content_length: Annotated[int, Parameter(help="Where longer contents are cut.")] = 200,
    full: Annotated[bool, Parameter(help="Do not cut contents.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Show what happened in a conversation, run by run and step by step.

    Example: `trivium sessions trace 5f0c2a0e --full`
    """
    length = 50_000 if full else max_content_length
    with remote.wabee() as client:
        found = client.sessions.trace(session_id, request_id=request_id, max_content_length=length)
    if remote.form in {"json", "yaml", "name"}:
        remote.answer(found, name="session_id")
    else:
        _print_tree(found)


@app.command
@remote
def delete(
    session_id: str,
    /,
    *,
    yes: Annotated[bool, Parameter(help="Do not ask.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Delete a conversation with its messages.

    Example: `trivium sessions delete 5f0c2a0e --yes`
    """
    confirm(f"Delete the conversation {session_id} with its messages?", yes=yes)
    with remote.wabee() as client:
        client.sessions.delete(session_id)
    say("Deleted.")


def _print_tree(found: "Trace") -> None:
    summary = found.execution_summary
    print(f"{styled(found.session_id, '1')}  {summary.status}  {_time(summary.duration_ms)}")
    for request in found.requests:
        print(f"├─ {request.request_id}  {request.status}  {_time(request.duration_ms)}  {cell(request.user_input)}")
        for step in request.steps:
            tool = f" [{step.tool.name}]" if step.tool else ""
            print(f"│  ├─ {step.step_number} {step.step_name}{tool}  {_time(step.duration_ms)}  {cell(step.content)}")
        if request.error_message:
            print(f"│  └─ {styled(request.error_message, '31')}")


def _time(duration_ms: int | None) -> str:
    return "…" if duration_ms is None else f"{duration_ms / 1000:.2f} s"
