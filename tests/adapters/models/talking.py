"""A provider that talks to the fake model server."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from bench.fake_model import FakeModel, serving
from trivium.adapters.models.anthropic import AnthropicProvider
from trivium.adapters.models.openai_compatible import OpenAICompatibleProvider
from trivium.adapters.models.retry import RetryPolicy
from trivium.adapters.models.upstream import Upstream
from trivium.core.errors import UpstreamFailed
from trivium.core.ports.models import ChatMessage, ModelChunk, ModelRequest, TextChunk

QUESTION = ChatMessage(role="user", text="Hello?")


@dataclass
class Bench:
    """A fake server and a provider that talks to it."""

    app: FakeModel
    provider: OpenAICompatibleProvider | AnthropicProvider
    seen: list[ModelChunk]

    async def ask(self, model: str, *messages: ChatMessage, **fields: Any) -> list[ModelChunk]:
        self.seen.clear()
        async for chunk in self.provider.stream(ModelRequest(model=model, messages=messages or [QUESTION], **fields)):
            self.seen.append(chunk)
        return self.seen

    async def fail(self, model: str, **fields: Any) -> UpstreamFailed:
        with pytest.raises(UpstreamFailed) as caught:
            await self.ask(model, **fields)
        return caught.value

    @property
    def text(self) -> str:
        return "".join(chunk.text for chunk in self.seen if isinstance(chunk, TextChunk))


@asynccontextmanager
async def talking_to(
    provider: type[OpenAICompatibleProvider] | type[AnthropicProvider],
) -> AsyncGenerator[Bench, None]:
    """Serve a fake model and give a provider of that kind with the key `sk-x` and short waits."""
    app = FakeModel()
    upstream = Upstream(policy=RetryPolicy(first_wait_s=0.01, wait_s_max=1.0))
    async with serving(app) as url:
        yield Bench(app, provider(name="tried", base_url=url, api_key="sk-x", upstream=upstream), [])
        await upstream.aclose()
