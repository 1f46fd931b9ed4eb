"""`trivium keys`: everything that can sign in to the organization."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import confirm, say

keys = App(name="keys", help="Everything that can sign in: keys of all contracts, and people's devices.")
Kind = Literal["wisebot", "wizchat", "wabee", "device", "all"]
Yes = Annotated[bool, Parameter(help="Do not ask.", negative=())]


@keys.command(name="list")
@remote
def list_keys(
    *,
    kind: Annotated[Kind, Parameter(help="Only those of one contract, or devices.")] = "all",
    revoked: Annotated[bool, Parameter(help="Those that were revoked, too.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """List keys and devices, without their secrets.

    Example: `trivium keys list --kind device`
    """
    with remote.wisebot() as client:
        found = client.admin.api_keys.list(kind=kind)
    shown = [one.model_dump(mode="json", by_alias=True) for one in found if revoked or one.revoked_at is None]
    columns = ["id", "kind", "name", "prefix", "email", "role", "lastUsedAt", "expiresAt"]
    remote.show(shown, *columns, *(["revokedAt"] if revoked else []))


@keys.command(name="create")
@remote
def create_key(
    name: str,
    /,
    *,
    kind: Annotated[Literal["wisebot", "wizchat", "wabee"], Parameter(help="Contract that takes it.")] = "wisebot",
    agent: Annotated[list[str] | None, Parameter(help="Id of an agent it is limited to; may be repeated.")] = None,
    remote: Remote = HERE,
) -> None:
    """Make a key for a program and print it, this once.

    Example: `trivium keys create "Nightly import" --kind wizchat > key.txt`
    """
    with remote.wisebot() as client:
        made = client.admin.api_keys.create(name, kind=kind, agent_ids=agent)
    if remote.form == "table":
        print(made.key)
        say("It is shown this once.")
    else:
        remote.answer(made)


@keys.command(name="revoke")
@remote
def revoke_key(key_id: str, /, *, yes: Yes = False, remote: Remote = HERE) -> None:
    """Revoke a key or sign a device out; it stops working within a second.

    Example: `trivium keys revoke key_1 --yes`
    """
    with remote.wisebot() as client:
        if not yes:
            found = next((one for one in client.admin.api_keys.list(kind="all") if one.id == key_id), None)
            named = key_id if found is None else f"{found.name!r} ({found.kind}, {key_id})"
            confirm(f"Revoke {named}? What uses it stops working.", yes=yes)
        client.admin.api_keys.revoke(key_id)
    say("Revoked.")
