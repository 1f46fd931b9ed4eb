"""Which model answers: the agent's own, or the default when that is not configured."""

from collections.abc import Sequence
from dataclasses import dataclass

from trivium.core.errors import InvalidRequest
from trivium.core.model.organizations import ModelAccount
from trivium.core.model.runs import Usage
from trivium.core.ports import Finished, ModelProvider, ModelProviders, Prices


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """The provider to ask, the name it knows the model by, and why it is not the one that was wanted."""

    provider: ModelProvider
    name: str
    note: str = ""

    @property
    def full_name(self) -> str:
        """`provider/model`, as shown to people."""
        return f"{self.provider.name}/{self.name}"


class Models:
    """Chooses models. `fallback_is_error`: a model that is not configured is refused instead of replaced."""

    def __init__(self, providers: ModelProviders, *, fallback_is_error: bool = False) -> None:
        self._providers = providers
        self._fallback_is_error = fallback_is_error

    def choose(self, wanted: str | None, accounts: Sequence[ModelAccount]) -> ModelChoice:
        """Return what answers for `wanted` (`provider/model`, a bare name, None for the default).

        Raises InvalidRequest when it is not configured and replacing it is not allowed.
        """
        default = self._default(accounts)
        if not wanted:
            return default
        choice = self._configured(wanted, accounts, default)
        if choice is not None:
            return choice
        if self._fallback_is_error:
            raise InvalidRequest(f"Model {wanted!r} is not configured.", code="model_not_configured")
        note = f"Model {wanted!r} is not configured; {default.full_name} answers instead."
        return ModelChoice(provider=default.provider, name=default.name, note=note)

    def _default(self, accounts: Sequence[ModelAccount]) -> ModelChoice:
        for account in accounts:
            if account.default_model:
                provider = self._providers.get(account.provider, account)
                if provider is not None:
                    return ModelChoice(provider=provider, name=account.default_model)
        name, _, model = self._providers.default_model.partition("/")
        provider = self._providers.get(name)
        if provider is None:
            raise InvalidRequest(f"The default model's provider {name!r} is not configured.", code="no_default_model")
        return ModelChoice(provider=provider, name=model)

    def _configured(self, wanted: str, accounts: Sequence[ModelAccount], default: ModelChoice) -> ModelChoice | None:
        name, slash, model = wanted.partition("/")
        if slash:
            account = next((a for a in accounts if a.provider == name), None)
            provider = self._providers.get(name, account)
            return None if provider is None else ModelChoice(provider=provider, name=model)
        # A bare name can only mean a model of the default provider, and only a language model's provider has several.
        if default.provider.has_language_model:
            return ModelChoice(provider=default.provider, name=wanted)
        return None


def usage_of(prices: Prices, choice: ModelChoice, finished: Finished) -> Usage:
    """Return what a call used, under the name of the model that answered, with its price where that is known."""
    name = finished.model or choice.name
    cost = prices.cost_usd(name, finished.input_tokens, finished.output_tokens)
    return Usage(model=name, input_tokens=finished.input_tokens, output_tokens=finished.output_tokens, cost_usd=cost)
