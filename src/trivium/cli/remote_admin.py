"""`trivium api-keys`, `trivium webhooks` and `trivium deliveries`; they need a dashboard token."""

from typing import Annotated

from cyclopts import App, Parameter

from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import confirm, say

api_keys = App(name="api-keys", help="The wb_live_ keys of the organization; trivium keys shows all.")
webhooks = App(name="webhooks", help="Subscriptions to what happens.")
deliveries = App(name="deliveries", help="Outgoing signed calls and how they fared.")
EVENTS = ("conversation.created", "message.created", "conversation.status", "workflow.run.finished")
Yes = Annotated[bool, Parameter(help="Do not ask.", negative=())]


@api_keys.command(name="list")
@remote
def list_keys(*, remote: Remote = HERE) -> None:
    """List keys, without their secrets.

    Example: `trivium api-keys list`
    """
    with remote.wisebot() as client:
        remote.answer(client.admin.api_keys.list(), "id", "name", "prefix", "lastFour", "createdAt", "lastUsedAt")


@api_keys.command(name="create")
@remote
def create_key(name: str, /, *, remote: Remote = HERE) -> None:
    """Make a key and print it, this once.

    Example: `trivium api-keys create "Nightly import" > key.txt`
    """
    with remote.wisebot() as client:
        made = client.admin.api_keys.create(name)
    if remote.form == "table":
        print(made.key)
        say("It is shown this once.")
    else:
        remote.answer(made)


@api_keys.command(name="revoke")
@remote
def revoke_key(key_id: str, /, *, yes: Yes = False, remote: Remote = HERE) -> None:
    """Revoke a key; programs that use it stop working.

    Example: `trivium api-keys revoke key_1 --yes`
    """
    confirm(f"Revoke the key {key_id}? Programs that use it stop working.", yes=yes)
    with remote.wisebot() as client:
        client.admin.api_keys.revoke(key_id)
    say("Revoked.")


@webhooks.command(name="list")
@remote
def list_webhooks(*, remote: Remote = HERE) -> None:
    """List subscriptions.

    Example: `trivium webhooks list`
    """
    with remote.wisebot() as client:
        remote.answer(client.admin.webhooks.list(), "id", "url", "events", "enabled", "lastStatus")


@webhooks.command(name="create")
@remote
def create_webhook(
    url: str,
    /,
    *,
    event: Annotated[list[str] | None, Parameter(help="Event to send; may be repeated; all of them without.")] = None,
    remote: Remote = HERE,
) -> None:
    """Subscribe an address, and print the secret that signs what is sent, this once.

    Example: `trivium webhooks create https://example.com/hook --event message.created`
    """
    with remote.wisebot() as client:
        made = client.admin.webhooks.create(url, event or EVENTS)
    if remote.form == "table":
        print(made.secret)
        say(f"{made.id}: the secret is shown this once.")
    else:
        remote.answer(made)


@webhooks.command(name="delete")
@remote
def delete_webhook(webhook_id: str, /, *, yes: Yes = False, remote: Remote = HERE) -> None:
    """End a subscription.

    Example: `trivium webhooks delete wh_1 --yes`
    """
    confirm(f"Delete the webhook {webhook_id}?", yes=yes)
    with remote.wisebot() as client:
        client.admin.webhooks.delete(webhook_id)
    say("Deleted.")


@deliveries.command(name="list")
@remote
def list_deliveries(
    *,
    limit: Annotated[int, Parameter(help="How many.")] = 20,
    status: Annotated[str | None, Parameter(help="Only those with this status.")] = None,
    remote: Remote = HERE,
) -> None:
    """List outgoing calls, the newest first.

    Example: `trivium deliveries list --status dead`
    """
    with remote.wisebot() as client:
        found = client.admin.deliveries.list(limit=limit, status=status)
        remote.answer(found, "id", "status", "type", "url", "attempt", "responseStatus", "createdAt")


@deliveries.command(name="show")
@remote
def show_delivery(delivery_id: str, /, *, remote: Remote = HERE) -> None:
    """Show an outgoing call with its tries.

    Example: `trivium deliveries show dlv_1 -o yaml`
    """
    with remote.wisebot() as client:
        remote.answer(client.admin.deliveries.get(delivery_id))


@deliveries.command(name="resend")
@remote
def resend_delivery(*delivery_ids: str, remote: Remote = HERE) -> None:
    """Send calls again, each under its own id.

    Example: `trivium deliveries list --status dead -o name | xargs trivium deliveries resend`
    """
    with remote.wisebot() as client:
        for delivery_id in delivery_ids:
            remote.answer(client.admin.deliveries.resend(delivery_id))
