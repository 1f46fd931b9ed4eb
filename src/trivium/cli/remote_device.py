"""`trivium device`: answer machines that ask to be signed in, where there is no browser."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import confirm, say

if TYPE_CHECKING:
    from trivium_client.models.sign_in import DeviceRequest

app = App(name="device", help="Answer machines that ask to be signed in (trivium login), by the code they show.")
Yes = Annotated[bool, Parameter(help="Do not ask.", negative=())]


@app.command
@remote
def show(code: str, /, *, remote: Remote = HERE) -> None:
    """Show which machine asks with a code.

    Example: `trivium device show BCDF-GHJK`
    """
    with remote.wisebot() as client:
        remote.answer(client.sign_in.show(code), name="device")


@app.command
@remote
def approve(code: str, /, *, yes: Yes = False, remote: Remote = HERE) -> None:
    """Let a machine act for you in your organization; it gets your role at most.

    Example: `trivium device approve BCDF-GHJK`
    """
    with remote.wisebot() as client:
        asks = client.sign_in.show(code)
        confirm(f"{_described(asks)} Let it act for you?", yes=yes)
        done = client.sign_in.approve(code)
    say(f"{done.device} is signed in as {done.role}.")


@app.command
@remote
def deny(code: str, /, *, remote: Remote = HERE) -> None:
    """Refuse a machine.

    Example: `trivium device deny BCDF-GHJK`
    """
    with remote.wisebot() as client:
        done = client.sign_in.deny(code)
    say(f"{done.device} was not signed in.")


def _described(asks: "DeviceRequest") -> str:
    source = asks.source or "an unknown address"
    return f"{asks.program} on {asks.device} asks from {source} at {asks.created_at:%H:%M:%S} UTC."
