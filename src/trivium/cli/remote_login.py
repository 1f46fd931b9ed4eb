"""`trivium login` and `trivium whoami`."""

import getpass
import sys
from typing import Annotated

from cyclopts import Parameter

from trivium.cli._output import USAGE, StopError
from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_contexts import SECRETS, Contexts, contexts_path, masked, read_contexts, write_contexts
from trivium.cli.remote_output import say


@remote
def login(
    *,
    email: Annotated[str | None, Parameter(help="Whose; asked for without it.")] = None,
    name: Annotated[str, Parameter(help="Context to keep the token in.")] = "default",
    remote: Remote = HERE,
) -> None:
    """Sign in with e-mail and password, and keep the token in a context. The password is asked for, or read from stdin.

    Example: `trivium login --url http://127.0.0.1:8080 --email owner@example.com`
    """
    from trivium_client import Wisebot

    who = email or _asked("E-mail: ")
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not password:
        raise StopError("There is no password.", hint="Type it, or give it on stdin.", status=USAGE, code="usage")
    with Wisebot("none", remote.server, max_retries=0) as client:
        token = client.login(who, password)
    stored = read_contexts()
    values = {**stored.contexts.get(name, {}), "url": remote.server, "token": token.token}
    write_contexts(Contexts(current=name, contexts={**stored.contexts, name: values}))
    until = f" until {token.expires_at:%Y-%m-%d %H:%M %Z}" if token.expires_at else ""
    say(f"Signed in as {who}{until}; kept in {contexts_path()} as {name!r}.")


@remote
def whoami(*, remote: Remote = HERE) -> None:
    """Show which server is used, as whom, and with which keys.

    Example: `trivium whoami`
    """
    settings = remote.settings
    keys = {key: masked(key, value) for key, value in settings.items() if key in SECRETS}
    stored = read_contexts()
    found: dict[str, object] = {"server": remote.server, "context": remote.context or stored.current, **keys}
    if settings.get("token"):
        with remote.wisebot() as client:
            status = client.v1.status()
        found |= {"version": status.version}
        if status.organization is not None:
            found |= {"organization": status.organization.name, "organizationId": status.organization.id}
    remote.show(found, name="server")


def _asked(question: str) -> str:
    if not sys.stdin.isatty():
        raise StopError("Whose?", hint="Say --email.", status=USAGE, code="usage")
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()
