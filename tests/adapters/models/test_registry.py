"""Providers are found by name, and an organization's account never reaches inside."""

from datetime import UTC, datetime

import pytest

from bench.fake_model import FakeModel, serving
from trivium.adapters.models import ModelRegistry, account_key_context
from trivium.adapters.outbound import GuardedOutbound, parse_allowed
from trivium.core.errors import InvalidRequest, UpstreamFailed
from trivium.core.model.organizations import ModelAccount
from trivium.core.ports.models import ChatMessage, ModelRequest, TextChunk

REQUEST = ModelRequest(model="m?tokens=2", messages=[ChatMessage(role="user", text="Hi")])


class PlainSeal:
    """Shows its context, so that a key sealed for something else is told apart."""

    def close(self, plain: str, context: str) -> str:
        return f"{context}={plain}"

    def open(self, sealed: str, context: str) -> str:
        if not sealed.startswith(f"{context}="):
            raise InvalidRequest("sealed for something else")
        return sealed.removeprefix(f"{context}=")


def account(base_url: str, *, provider: str = "openai", key: str = "sk-a", account_id: str = "acc1") -> ModelAccount:
    return ModelAccount(
        id=account_id,
        organization_id="org1",
        provider=provider,
        base_url=base_url,
        sealed_key=PlainSeal().close(key, account_key_context("acc1")),
        default_model=None,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("settings", "default"),
    [
        ({}, "extractive/quote"),
        ({"model": "gpt-4o"}, "extractive/quote"),
        ({"model": "scripted/echo"}, "scripted/echo"),
        ({"base_url": "http://x/v1", "model": "llama"}, "openai/llama"),
        ({"base_url": "http://x/v1", "model": "openai/gpt-4o"}, "openai/gpt-4o"),
        ({"base_url": "http://x/v1", "model": "meta/llama"}, "openai/meta/llama"),
        ({"base_url": "http://x/v1", "model": "anthropic/claude"}, "openai/anthropic/claude"),
        ({"base_url": "http://x/v1"}, "openai/default"),
        ({"api_key": "k", "model": "gpt-4o"}, "openai/gpt-4o"),
        ({"api_key": "k", "model": "claude-sonnet-5"}, "anthropic/claude-sonnet-5"),
        ({"api_key": "k", "model": "anthropic/claude-sonnet-5"}, "anthropic/claude-sonnet-5"),
    ],
)
def test_the_default_follows_from_the_settings(settings: dict[str, str], default: str) -> None:
    registry = ModelRegistry(
        base_url=settings.get("base_url", ""), api_key=settings.get("api_key", ""), model=settings.get("model", "")
    )
    assert registry.default_model == default
    assert registry.get(default.partition("/")[0]) is not None


def test_what_is_not_configured_is_not_there() -> None:
    registry = ModelRegistry()
    assert registry.get("openai") is None
    assert registry.get("nothing") is None
    # Without a guard an address from a user is not called.
    assert registry.get("openai", account("http://93.184.216.34/v1")) is None


def test_a_changed_account_is_another_provider() -> None:
    registry = ModelRegistry(seal=PlainSeal(), guarded=GuardedOutbound().connector)
    first = registry.get("openai", account("https://a.example/v1"))
    assert registry.get("openai", account("https://a.example/v1")) is first
    assert registry.get("openai", account("https://b.example/v1")) is not first
    assert registry.get("openai", account("https://a.example/v1", key="sk-b")) is not first


def test_a_key_of_another_account_is_not_opened() -> None:
    registry = ModelRegistry(seal=PlainSeal(), guarded=GuardedOutbound().connector)
    with pytest.raises(InvalidRequest):
        registry.get("openai", account("https://a.example/v1", account_id="acc2"))


@pytest.mark.server
async def test_only_the_operator_reaches_inside() -> None:
    app = FakeModel()
    async with serving(app) as url:
        outbound = GuardedOutbound()
        registry = ModelRegistry(base_url=url, api_key="sk-o", seal=PlainSeal(), guarded=outbound.connector)
        operators, accounts = registry.get("openai"), registry.get("openai", account(url))
        assert operators is not None
        assert accounts is not None
        chunks = [chunk async for chunk in operators.stream(REQUEST)]
        assert "".join(chunk.text for chunk in chunks if isinstance(chunk, TextChunk)) == "t0 t1 "
        with pytest.raises(UpstreamFailed) as caught:
            _ = [chunk async for chunk in accounts.stream(REQUEST)]
        assert caught.value.code == "model_address_refused"
        assert (app.calls, app.headers["authorization"]) == (1, "Bearer sk-o")
        await registry.aclose()


@pytest.mark.server
async def test_an_account_calls_with_its_own_key() -> None:
    app = FakeModel()
    async with serving(app) as url:
        outbound = GuardedOutbound(parse_allowed(url.split("/")[2]))
        registry = ModelRegistry(seal=PlainSeal(), guarded=outbound.connector)
        provider = registry.get("openai", account(url))
        assert provider is not None
        assert [chunk async for chunk in provider.stream(REQUEST)]
        assert app.headers["authorization"] == "Bearer sk-a"
        await registry.aclose()
