"""Which providers there are: two built in, the operator's from the settings, an organization's from its accounts."""

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from trivium.adapters.models.extractive import ExtractiveProvider
from trivium.adapters.models.prices import ModelPrices
from trivium.adapters.models.scripted import ScriptedProvider
from trivium.core.model.organizations import ModelAccount
from trivium.core.ports.knowledge import Embedder
from trivium.core.ports.models import ModelProvider
from trivium.core.ports.outside import Seal

if TYPE_CHECKING:
    # Loaded with the first call: a server that only quotes never needs an HTTP client.
    from trivium.adapters.models.calls import ConnectorFactory
    from trivium.adapters.models.upstream import Upstream

_BUILT_IN = frozenset({"scripted", "extractive"})
_ACCOUNTS_MAX = 512
_BASE_URLS = {
    "anthropic": "https://api.anthropic.com/v1",
    "cerebras": "https://api.cerebras.ai/v1",
    "deepseek": "https://api.deepseek.com/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "google": "https://generativelanguage.googleapis.com/v1beta/openai",
    "groq": "https://api.groq.com/openai/v1",
    "mistral": "https://api.mistral.ai/v1",
    "openai": "https://api.openai.com/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "perplexity": "https://api.perplexity.ai",
    "together": "https://api.together.xyz/v1",
    "xai": "https://api.x.ai/v1",
}


def account_key_context(account_id: str) -> str:
    """Return what a model account's key is sealed with (the `context` of the Seal port)."""
    return f"model_accounts/{account_id}"


class ModelRegistry:
    """The ModelProviders port.

    With a base URL or a key in the settings the provider `openai` answers there (`anthropic` when the key is for
    Anthropic: the model or the address says so); else only the built-in ones do. An account's address comes from a
    user, so it is called through `guarded`, which refuses addresses inside; without it accounts are not used.
    """

    def __init__(
        self,
        *,
        embedder: Embedder | None = None,
        base_url: str = "",
        api_key: str = "",
        model: str = "",
        seal: Seal | None = None,
        guarded: "ConnectorFactory | None" = None,
        prices: ModelPrices | None = None,
    ) -> None:
        self._built_in: dict[str, ModelProvider] = {
            "scripted": ScriptedProvider(),
            "extractive": ExtractiveProvider(embedder),
        }
        self._seal = seal
        self._guarded = guarded
        self._prices = prices
        self._upstreams: dict[bool, Upstream] = {}
        self._accounts: OrderedDict[str, ModelProvider] = OrderedDict()
        self._operator = _operator_provider(base_url, model)
        self._base_url = base_url
        self._api_key = api_key
        self._is_configured = bool(base_url or api_key)
        self._operator_made: ModelProvider | None = None
        self.default_model = self._default(model)

    def get(self, provider: str, account: ModelAccount | None = None) -> ModelProvider | None:
        """Return the provider, an organization's own account before the operator's; None when it is not configured."""
        if provider in self._built_in:
            return self._built_in[provider]
        if account is not None:
            return self._of_account(account)
        if not self._is_configured or provider != self._operator:
            return None
        if self._operator_made is None:
            base_url = self._base_url or _BASE_URLS[provider]
            self._operator_made = self._make(provider, base_url, self._api_key, is_trusted=True)
        return self._operator_made

    async def aclose(self) -> None:
        """Close the connections to all model servers and stop looking up prices."""
        if self._prices is not None:
            await self._prices.aclose()
        for upstream in self._upstreams.values():
            await upstream.aclose()

    def _default(self, model: str) -> str:
        if model.partition("/")[0] in _BUILT_IN:
            return model
        if not self._is_configured:
            return "extractive/quote"
        return f"{self._operator}/{model.removeprefix(self._operator + '/') or 'default'}"

    def _of_account(self, account: ModelAccount) -> ModelProvider | None:
        base_url = account.base_url or _BASE_URLS.get(account.provider, "")
        if not base_url or self._guarded is None:
            return None
        # A changed account is another provider: nothing of the old key or address stays in use.
        changing = f"{account.provider}\0{base_url}\0{account.sealed_key}".encode()
        key = f"{account.id}:{hashlib.sha256(changing).hexdigest()}"
        if key not in self._accounts:
            api_key = ""
            if account.sealed_key:
                if self._seal is None:
                    return None
                api_key = self._seal.open(account.sealed_key, account_key_context(account.id))
            self._accounts[key] = self._make(account.provider, base_url, api_key, is_trusted=False)
            if len(self._accounts) > _ACCOUNTS_MAX:
                self._accounts.popitem(last=False)
        self._accounts.move_to_end(key)
        return self._accounts[key]

    def _make(self, name: str, base_url: str, api_key: str, *, is_trusted: bool) -> ModelProvider:
        from trivium.adapters.models.anthropic import AnthropicProvider
        from trivium.adapters.models.openai_compatible import OpenAICompatibleProvider

        upstream = self._upstream(is_trusted=is_trusted)
        prepare = self._prices.prepare if self._prices is not None else None
        provider = AnthropicProvider if name == "anthropic" else OpenAICompatibleProvider
        return provider(
            name=name,
            base_url=base_url,
            api_key=api_key,
            upstream=upstream,
            prepare=prepare,
        )

    def _upstream(self, *, is_trusted: bool) -> "Upstream":
        from trivium.adapters.models.upstream import Upstream

        if is_trusted not in self._upstreams:
            self._upstreams[is_trusted] = Upstream(None if is_trusted else self._guarded)
        return self._upstreams[is_trusted]


def _operator_provider(base_url: str, model: str) -> str:
    is_anthropic = "api.anthropic.com" in base_url or (not base_url and model.startswith(("anthropic/", "claude-")))
    return "anthropic" if is_anthropic else "openai"
