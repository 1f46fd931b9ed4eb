"""`trivium admin model`: an organization's own accounts at model providers."""

import sys
from typing import Annotated

from cyclopts import App, Parameter

from trivium.adapters.secrets.keyring import open_keyring
from trivium.adapters.secrets.seal import AesSeal
from trivium.cli._open import Desk, opened
from trivium.cli._options import NOTHING, Common
from trivium.cli._output import StopError, show_record, show_rows
from trivium.core.errors import CoreError
from trivium.core.model.organizations import ModelAccount
from trivium.core.platform import ModelAccounts
from trivium.settings import Settings

app = App(name="model", help="Accounts at model providers, per organization.")

Org = Annotated[str, Parameter(name="--org", help="Organization, by id or name.")]
Provider = Annotated[str, Parameter(help="Name that agents' models begin with, such as openai or groq.")]
_KEY_BYTES_MAX = 8192


@app.command(name="set")
async def set_account(
    provider: Provider,
    /,
    *,
    org: Org,
    base_url: Annotated[str, Parameter(help="OpenAI-compatible address; the provider's own if not given.")] = "",
    default_model: Annotated[str | None, Parameter(help="Model of agents that name none.")] = None,
    common: Common = NOTHING,
) -> None:
    """Store an account over the one there was. The key is read from standard input; nothing there keeps the stored one.

    Example: trivium admin model set groq --org Acme --default-model llama-3.3-70b-versatile < groq.key
    """
    key = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read(_KEY_BYTES_MAX).strip()
    settings = common.settings()
    async with opened(settings) as desk:
        organization = await desk.organization(org)
        try:
            account = await _accounts(desk, settings).put(
                organization.id, provider, base_url=base_url, key=key or None, default_model=default_model
            )
        except CoreError as error:
            raise StopError(error.message, code=error.code) from error
    show_record(_record(account), form=common.form, main="id")


@app.command(name="list")
async def find(*, org: Org, common: Common = NOTHING) -> None:
    """List the accounts of an organization; their keys are not shown.

    Example: trivium admin model list --org Acme
    """
    settings = common.settings()
    async with opened(settings) as desk:
        organization = await desk.organization(org)
        found = await _accounts(desk, settings).find(organization.id)
    columns = ("provider", "base_url", "default_model", "has_key")
    show_rows("accounts", [_record(one) for one in found], columns, form=common.form)


@app.command(name="remove")
async def remove(provider: Provider, /, *, org: Org, common: Common = NOTHING) -> None:
    """Delete an account; agents that name its provider use the default model from then on.

    Example: trivium admin model remove groq --org Acme
    """
    settings = common.settings()
    async with opened(settings) as desk:
        organization = await desk.organization(org)
        try:
            await _accounts(desk, settings).remove(organization.id, provider)
        except CoreError as error:
            raise StopError(error.message, hint="See: trivium admin model list", code=error.code) from error
    show_record({"provider": provider, "removed": True}, form=common.form, main="provider")


def _accounts(desk: Desk, settings: Settings) -> ModelAccounts:
    return ModelAccounts(store=desk.store, clock=desk.clock, seal=AesSeal(open_keyring(settings.key_path)))


def _record(account: ModelAccount) -> dict[str, object]:
    return {
        "id": account.id,
        "provider": account.provider,
        "base_url": account.base_url,
        "default_model": account.default_model,
        "has_key": account.sealed_key is not None,
    }
