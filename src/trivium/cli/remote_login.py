"""`trivium login`, `trivium logout` and `trivium whoami`."""

import getpass
import socket
import sys
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from cyclopts import Parameter

from trivium.cli._output import USAGE, StopError
from trivium.cli.remote import AUTHENTICATION, HERE, Remote, remote
from trivium.cli.remote_contexts import (
    SECRETS,
    Contexts,
    contexts_path,
    masked,
    read_contexts,
    same_server,
    write_contexts,
)
from trivium.cli.remote_output import say

if TYPE_CHECKING:
    from trivium_client import Wisebot
    from trivium_client.models.sign_in import Me

DEFAULT = "default"
# What a device's key begins with: it can be revoked by who holds it.
DEVICE_KEY = "tdk_live_"
_CREDENTIALS = ("token", "management-key", "agent-key")
_NAME_MAX = 200


@remote
def login(
    *,
    email: Annotated[str | None, Parameter(help="Sign in with a password, which is asked for.")] = None,
    organization: Annotated[str | None, Parameter(help="With --email: id of one of your organizations.")] = None,
    role: Annotated[
        Literal["owner", "admin", "member"] | None, Parameter(help="The most this machine may be; else your role.")
    ] = None,
    name: Annotated[str | None, Parameter(help="Context to keep the key in; made if there is none.")] = None,
    device: Annotated[str | None, Parameter(help="Name of this machine in the list of keys.")] = None,
    remote: Remote = HERE,
) -> None:
    """Sign this machine in: somebody approves the code it shows, in a browser or with `trivium device approve`.

    The key is kept in a context and is good for all three contracts; it ends after 90 days without use, with `trivium
    logout`, or when it is revoked (`trivium keys`). With --email a password is asked for instead, or read from stdin.

    Example: `trivium login --url http://127.0.0.1:8080`
    """
    from trivium_client import Wisebot

    machine = (device or _machine())[:_NAME_MAX]
    with Wisebot("none", remote.server, timeout=remote.seconds(60)) as client:
        if email is None:
            token = _approved(client, machine, role, remote.server)
        elif role is not None:
            raise StopError("--role is for sign-ins that somebody approves.", status=USAGE, code="usage")
        else:
            once = client.with_options(max_retries=0)
            token = once.login(email, _password(), device=machine, organization_id=organization).token
    with Wisebot(token, remote.server, timeout=remote.seconds(60)) as client:
        me = client.me()
    kept = _keep(name or remote.context, remote.server, token, me)
    until = f" until {me.expires_at:%Y-%m-%d}, or longer if it is used" if me.expires_at else ""
    say(f"Signed in as {me.email} in {me.organization.name}{until}; kept in {contexts_path()} as {kept!r}.")


@remote
def logout(
    *,
    local: Annotated[bool, Parameter(help="Forget the key here without telling the server.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Sign this machine out: revoke its key and forget it.

    Example: `trivium logout --context staging`
    """
    stored = read_contexts()
    name = remote.context or stored.current or DEFAULT
    values = stored.contexts.get(name, {})
    token = values.get("token")
    if token is None:
        raise StopError(f"Nobody is signed in in the context {name!r}.", code="not_signed_in")
    if not local:
        _revoke(token, values.get("url", remote.server), remote)
    rest = {key: value for key, value in values.items() if key not in {"token", "account", "organization"}}
    write_contexts(Contexts(current=stored.current, contexts={**stored.contexts, name: rest}))
    say(f"Signed out; {name!r} still knows the server." if token.startswith(DEVICE_KEY) else _still_good(name))


@remote
def whoami(*, remote: Remote = HERE) -> None:
    """Show which server is used, as whom, until when, and with which keys.

    Example: `trivium whoami`
    """
    from trivium_client import Wisebot

    settings = remote.settings
    credential = remote.token or next((settings[key] for key in _CREDENTIALS if settings.get(key)), None)
    with Wisebot(credential or remote.key("token"), remote.server, timeout=remote.seconds(60)) as client:
        me = client.me()
    found = {
        "server": remote.server,
        "context": remote.context or read_contexts().current,
        "account": me.email or me.name,
        "organization": me.organization.name,
        "organizationId": me.organization.id,
        "role": me.role,
        "signedInWith": me.kind,
        "device": me.device,
        "expiresAt": me.expires_at,
        **{key: masked(key, value) for key, value in settings.items() if key in SECRETS},
    }
    remote.show({key: value for key, value in found.items() if value is not None}, name="account")


def _approved(client: "Wisebot", machine: str, role: Literal["owner", "admin", "member"] | None, server: str) -> str:
    from trivium_client import TimedOut

    codes = client.sign_in.start(machine, role=role)
    # Told in any case: without it nobody can answer. The address is the one we reached, not what the server believes.
    print(
        f"To sign in {machine}, open  {server.rstrip('/')}/device?code={codes.user_code}\n"
        f"and check that it shows  {codes.user_code}\n"
        f"Or where somebody is signed in:  trivium device approve {codes.user_code}\n"
        f"Waiting, for {codes.expires_in // 60} minutes at most ...",
        file=sys.stderr,
        flush=True,
    )
    try:
        found = client.sign_in.wait(codes.device_code, interval=codes.interval, timeout=codes.expires_in)
    except TimedOut as error:
        raise StopError(
            "Nobody approved in time.", hint="Begin again: trivium login", status=AUTHENTICATION, code="expired_token"
        ) from error
    return found.access_token


def _keep(name: str | None, server: str, token: str, me: "Me") -> str:
    """Write the key into the context of this server and make it the current one; an earlier device's key is revoked."""
    stored = read_contexts()
    name = name or _context_for(stored, server)
    values = dict(stored.contexts.get(name, {}))
    earlier = values.get("token", "")
    is_same = same_server(values.get("url", server), server)
    # Keys of another server, or of another account, are not for this one.
    kept = {key: value for key, value in values.items() if is_same or key not in SECRETS}
    kept |= {"url": server, "token": token, "organization": me.organization.name}
    kept |= {"account": me.email} if me.email else {}
    write_contexts(Contexts(current=name, contexts={**stored.contexts, name: kept}))
    if is_same and earlier.startswith(DEVICE_KEY):
        _forget_earlier(earlier, server)
    return name


def _context_for(stored: Contexts, server: str) -> str:
    """Return the context of this server: the current one first; a new one is named after the server's host."""
    names = [*([stored.current] if stored.current else []), *sorted(stored.contexts)]
    for name in names:
        if same_server(stored.contexts.get(name, {}).get("url", ""), server):
            return name
    return DEFAULT if DEFAULT not in stored.contexts else urlsplit(server).netloc


def _forget_earlier(token: str, server: str) -> None:
    from trivium_client import TriviumError, Wisebot

    try:
        with Wisebot(token, server, max_retries=0, timeout=10) as client:
            client.logout()
    except TriviumError:
        say("The key of the earlier sign-in could not be revoked: trivium keys list --kind device")


def _revoke(token: str, server: str, remote: Remote) -> None:
    from trivium_client import ConnectionFailed, NotAuthenticated, Wisebot

    try:
        with Wisebot(token, server, timeout=remote.seconds(60)) as client:
            client.logout()
    except NotAuthenticated:
        say("It was signed out already.")
    except ConnectionFailed as error:
        hint = "Nothing was changed. To forget the key here only: trivium logout --local"
        raise StopError(str(error), hint=hint, code="no_connection") from error


def _still_good(name: str) -> str:
    return f"Forgotten in {name!r}. What it was is no device's key: a token ends by itself, a key: trivium keys revoke."


def _machine() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "somebody"
    return "".join(char for char in f"{user}@{socket.gethostname()}" if char.isprintable())


def _password() -> str:
    password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    if not password:
        raise StopError("There is no password.", hint="Type it, or give it on stdin.", status=USAGE, code="usage")
    return password
