"""An organization's own accounts at model providers."""

import re
from dataclasses import replace

from trivium.core.errors import InvalidRequest, NotFound
from trivium.core.model.ids import new_id
from trivium.core.model.organizations import ModelAccount
from trivium.core.ports import Clock, Seal, Store, Transaction

_PROVIDER = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_BUILT_IN = frozenset({"scripted", "extractive"})
_ACCOUNTS_MAX = 20


class ModelAccounts:
    """Accounts by provider; their keys are sealed and never come back."""

    def __init__(self, *, store: Store, clock: Clock, seal: Seal) -> None:
        self._store = store
        self._clock = clock
        self._seal = seal

    async def put(
        self,
        organization_id: str,
        provider: str,
        *,
        base_url: str = "",
        key: str | None = None,
        default_model: str | None = None,
    ) -> ModelAccount:
        """Store the account at a provider, over the one there was; `key` None keeps the stored one.

        An empty `base_url` means the provider's own address. With a `default_model` the organization's agents that
        name no model use it. InvalidRequest for a name no provider can have, or an address that is no HTTP URL.
        """
        if not _PROVIDER.fullmatch(provider) or provider in _BUILT_IN:
            raise InvalidRequest(f"{provider!r} cannot be the name of a provider.", code="invalid_provider")
        if base_url and not base_url.startswith(("http://", "https://")):
            raise InvalidRequest("The base URL begins with http:// or https://.", code="invalid_base_url")
        fresh = ModelAccount(
            id=new_id("mdl"),
            organization_id=organization_id,
            provider=provider,
            base_url=base_url,
            sealed_key=None,
            default_model=default_model,
            created_at=self._clock.now(),
        )

        def unit(tx: Transaction) -> ModelAccount:
            known = tx.model_accounts.find(organization_id, limit=_ACCOUNTS_MAX)
            found = next((one for one in known if one.provider == provider), None)
            if found is None and len(known) >= _ACCOUNTS_MAX:
                raise InvalidRequest(f"An organization has at most {_ACCOUNTS_MAX} accounts.", code="too_many_accounts")
            account = replace(found or fresh, base_url=base_url, default_model=default_model)
            if key is not None:
                account = replace(account, sealed_key=self._seal.close(key, f"model_accounts/{account.id}"))
            if found is None:
                tx.model_accounts.add(account)
            else:
                tx.model_accounts.put(account)
            return account

        return await self._store.write(unit)

    async def find(self, organization_id: str) -> list[ModelAccount]:
        """Return the accounts, oldest first."""
        return await self._store.read(lambda tx: tx.model_accounts.find(organization_id, limit=_ACCOUNTS_MAX))

    async def remove(self, organization_id: str, provider: str) -> None:
        """Delete the account at a provider; NotFound when there is none."""
        removed = await self._store.write(lambda tx: tx.model_accounts.remove_where(organization_id, provider=provider))
        if not removed:
            raise NotFound("model_account", provider)
