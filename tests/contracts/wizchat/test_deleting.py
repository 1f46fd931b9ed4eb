"""Deleting a chatbot deletes what belongs to it, and nothing else; the server's own daily limit."""

import time
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from tests.contracts.site import open_site
from tests.contracts.wizchat.conftest import Service

pytestmark = pytest.mark.server


def filled(service: Service, name: str) -> str:
    """Return a chatbot with a document and a conversation."""
    http, bot = service.http(), service.new_chatbot(name=name)
    http.patch(f"/chatbots/{bot}/external-api", json={"enabled": True})
    key = http.post(f"/chatbots/{bot}/external-api/keys", json={"name": "ci"}).json()["key"]
    made = http.post(f"/chatbots/{bot}/documents", files={"file": ("a.md", b"# Hours\n\nOpen at seven.")})
    assert made.status_code == 201, made.text
    url, headers = f"{service.url}/v1/chatbots/{bot}/query", {"Authorization": f"Bearer {key}"}
    assert httpx2.post(url, json={"message": "Hi", "userId": "u"}, headers=headers, timeout=60).status_code == 200
    return bot


def left(service: Service, bot: str) -> list[int]:
    """Return how many documents, conversations and runs there are."""

    def unit(tx: Any) -> list[int]:
        of = service.organization_id
        return [table.count(of, agent_id=bot) for table in (tx.documents, tx.conversations, tx.runs)]

    async def read() -> list[int]:
        return await service.platform.store.read(unit)

    return anyio.run(read)


def test_what_belongs_to_a_deleted_chatbot_goes_with_it(service: Service) -> None:
    gone, kept = filled(service, "Gone"), filled(service, "Kept")
    assert left(service, gone) == [1, 1, 1]
    assert service.http().delete(f"/chatbots/{gone}").status_code == 204
    assert service.http().get(f"/chatbots/{gone}").status_code == 404
    deadline = time.monotonic() + 60
    while left(service, gone) != [0, 0, 0]:
        assert time.monotonic() < deadline, left(service, gone)
        time.sleep(0.05)
    assert left(service, kept) == [1, 1, 1]


def test_the_server_can_limit_the_calls_of_a_day(tmp_path: Path) -> None:
    with open_site(tmp_path, daily_calls_max=2) as site:
        key = site.key(site.organization(), "wizchat")
        other = site.key(site.organization("Other"), "wizchat")
        with site.client(Authorization=f"Bearer {key}") as client:
            statuses = [client.get("/api/v1/chatbots").status_code for _ in range(3)]
            refused = client.get("/api/v1/chatbots")
        assert statuses == [200, 200, 429]
        assert (refused.json()["error"]["code"], int(refused.headers["Retry-After"]) > 0) == ("quota_exceeded", True)
        with site.client(Authorization=f"Bearer {other}") as client:
            assert client.get("/api/v1/chatbots").status_code == 200
