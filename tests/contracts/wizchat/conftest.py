"""A real server on loopback, and the published client before it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from wizchat_management import WizChatClient

from tests.contracts.serving import serve
from trivium.core.model.access import SCOPES
from trivium.core.platform import Platform
from trivium.server import create_app
from trivium.settings import Settings


@dataclass
class Service:
    """A running server with one organization and a key for everything."""

    url: str
    platform: Platform
    organization_id: str
    key: str = ""
    clients: list[Any] = field(default_factory=list)

    def new_key(
        self, *scopes: str, agent_ids: Sequence[str] | None = None, organization_id: str | None = None, **options: Any
    ) -> str:
        """Return a Management key with these scopes (in our words); all without any."""

        async def make() -> str:
            _, secret = await self.platform.access.create_key(
                organization_id or self.organization_id,
                kind="wizchat",
                name="test",
                scopes=[*scopes] or sorted(SCOPES),
                agent_ids=agent_ids,
                **options,
            )
            return secret

        return anyio.run(make)

    def new_organization(self) -> str:
        """Return the id of another organization."""

        async def make() -> str:
            return (await self.platform.access.create_organization("Other")).id

        return anyio.run(make)

    def client(self, key: str | None = None) -> WizChatClient:
        """Return the published client."""
        client = WizChatClient(api_key=key or self.key, base_url=self.url)
        self.clients.append(client)
        return client

    def http(self, key: str | None = None) -> httpx2.Client:
        """Return a plain client on `/api/v1`."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        client = httpx2.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=30)
        self.clients.append(client)
        return client

    def token(self) -> str:
        """Return a signed-in owner's token."""

        async def make() -> str:
            email = f"{os.urandom(4).hex()}@example.com"
            await self.platform.access.create_user(
                email, organization_id=self.organization_id, role="owner", password="correct horse battery"
            )
            return (await self.platform.access.issue_token(email)).token

        return anyio.run(make)

    def new_chatbot(self, **fields: Any) -> str:
        """Return the id of a new chatbot."""
        answer = self.http().post("/chatbots", json={"name": "Acme", **fields})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["chatbot"]["id"])


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Platform]]:
    """Yield a server's address and platform."""
    data: Path = tmp_path_factory.mktemp("data")
    app = create_app(Settings(data=data))
    with serve(app) as url:
        yield url, app.state.platform


@pytest.fixture
def service(running: tuple[str, Platform]) -> Iterator[Service]:
    """Yield the server with an organization of the test's own."""
    url, platform = running

    async def make() -> str:
        return (await platform.access.create_organization("Acme")).id

    service = Service(url=url, platform=platform, organization_id=anyio.run(make))
    service.key = service.new_key()
    yield service
    for client in service.clients:
        client.close()


@pytest.fixture
def bot(service: Service) -> str:
    """Return the id of a chatbot."""
    return service.new_chatbot()
