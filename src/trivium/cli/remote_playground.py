"""`trivium playground`: try an agent without a visitor."""

from typing import Annotated

from cyclopts import App, Parameter

from trivium.cli._output import FAILED, StopError
from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import say

app = App(name="playground", help="Try an agent without a visitor.")
WAIT_S = 300.0


@app.command
@remote
def send(
    agent_id: str,
    prompt: str,
    /,
    *,
    session: Annotated[str | None, Parameter(help="Go on with this conversation.")] = None,
    wait: Annotated[bool, Parameter(help="Wait for the answer and print it.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Ask an agent; prints the id of the run, or with --wait the answer.

    Example: `trivium playground send agt_1 "How long may I return an item?" --wait`
    """
    with remote.wisebot() as client:
        accepted = client.playground.send(agent_id, prompt, session_id=session)
        if not wait:
            _show(remote, accepted.run_id, accepted.model_dump(mode="json", by_alias=True))
            say(f"trivium playground get {accepted.run_id}")
            return
        run = client.playground.wait(accepted.run_id, timeout=remote.timeout or WAIT_S, poll=0.2)
    _show(remote, run.text or "", run.model_dump(mode="json", by_alias=True))
    if run.status == "failed":
        raise StopError(run.error or "The run failed.", status=FAILED, code="run_failed")


@app.command
@remote
def get(run_id: str, /, *, remote: Remote = HERE) -> None:
    """Show a run as it stands.

    Example: `trivium playground get run_1`
    """
    with remote.wisebot() as client:
        remote.answer(client.playground.get(run_id), name="runId")


@app.command
@remote
def sessions(*, remote: Remote = HERE) -> None:
    """List the conversations of the playground.

    Example: `trivium playground sessions`
    """
    with remote.wisebot() as client:
        remote.answer(client.playground.sessions(), name="sessionId")


@app.command
@remote
def session(session_id: str, /, *, remote: Remote = HERE) -> None:
    """Show a conversation of the playground with its messages.

    Example: `trivium playground session pgs_1 -o yaml`
    """
    with remote.wisebot() as client:
        remote.answer(client.playground.get_session(session_id), name="sessionId")


@app.command
@remote
def delete(session_id: str, /, *, remote: Remote = HERE) -> None:
    """Delete a conversation of the playground.

    Example: `trivium playground delete pgs_1`
    """
    with remote.wisebot() as client:
        client.playground.delete_session(session_id)
    say("Deleted.")


def _show(remote: Remote, text: str, record: dict[str, object]) -> None:
    if remote.form in {"json", "yaml"}:
        remote.show(record)
    else:
        print(text)
