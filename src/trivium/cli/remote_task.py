"""`trivium task`: ask an agent once, or go on with a conversation."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from trivium.cli._output import USAGE, StopError
from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import say

task = App(name="task", help="Ask an agent once, or go on with a conversation.")

Stream = Annotated[
    bool | None, Parameter(help="Print the answer as it comes, or when it is whole.", negative="--no-stream")
]
Words = Annotated[str | None, Parameter(help="The question; stdin without it.")]


@task.command
@remote
def new(message: Words = None, /, *, stream: Stream = None, remote: Remote = HERE) -> None:
    """Ask in a new conversation.

    Example: `trivium task new "How long may I return an item?"`
    """
    _ask(message, None, stream=stream, remote=remote)


@task.command
@remote
def followup(
    message: Words = None,
    /,
    *,
    session: Annotated[str, Parameter(name=["--session", "-s"], help="The conversation to go on with.")],
    stream: Stream = None,
    remote: Remote = HERE,
) -> None:
    """Go on with a conversation.

    Example: `trivium task followup -s 5f0c2a0e "And for a gift?"`
    """
    _ask(message, session, stream=stream, remote=remote)


def _ask(message: str | None, session: str | None, *, stream: bool | None, remote: Remote) -> None:
    import uuid

    question = message if message is not None else ("" if sys.stdin.isatty() else sys.stdin.read().strip())
    if not question:
        raise StopError("There is no question.", hint="Give it as an argument or on stdin.", status=USAGE, code="usage")
    session_id = session or str(uuid.uuid4())
    with remote.wabee() as client:
        if remote.form in {"json", "yaml"}:
            remote.answer(client.chain(question, session_id=session_id))
            return
        if remote.is_on("stream", stream):
            for piece in client.chain_streaming(question, session_id=session_id).text_deltas():
                print(piece, end="", flush=True)
            print()
        else:
            print(client.chain(question, session_id=session_id).body.output)
    say(f"Go on with: trivium task followup -s {session_id} …")
