"""What the tests of the client share: a bad server, quick retries, and one client in two colours."""

import inspect
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from tests.client.misbehaving import Server, misbehaving
from trivium_client import _retry


@pytest.fixture
def server() -> Iterator[Server]:
    with misbehaving() as running:
        yield running


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the order of retries and shorten their delays, which are tested by themselves."""
    monkeypatch.setattr(_retry, "FIRST_DELAY_S", 0.001)
    for name in ("WIZCHAT_API_KEY", "WIZCHAT_BASE_URL", "WABEE_API_KEY", "WABEE_ENDPOINT", "TRIVIUM_URL"):
        monkeypatch.delenv(name, raising=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what listens on a port."""
    for item in items:
        if "server" in getattr(item, "fixturenames", ()) and "/client/" in str(item.path):
            item.add_marker("server")


async def settled(value):
    """Return a value that may have to be awaited, so that one test can drive both colours of a client."""
    return await value if inspect.isawaitable(value) else value


async def collected(source) -> list:
    """Return everything that a plain or an asynchronous iterator yields."""
    if hasattr(source, "__anext__"):
        return [item async for item in source]
    return list(source)


async def taken(stream, count: int) -> list:
    """Return the next so many events of a stream, and leave it open."""
    if hasattr(stream, "__anext__"):
        return [await anext(stream) for _ in range(count)]
    return [next(stream) for _ in range(count)]


@asynccontextmanager
async def opened(stream) -> AsyncIterator:
    """Enter a stream of either colour, and leave it at the end of the block."""
    if hasattr(stream, "__aenter__"):
        async with stream:
            yield stream
    else:
        with stream:
            yield stream
