"""What is configured is what runs: questions by an external key, to a server that answers from documents."""

import time
from dataclasses import replace
from typing import Any

import anyio
import httpx2
import pytest

from tests.contracts.wizchat.conftest import Service
from trivium.core.model.json import JSON
from trivium.core.ports import Transaction

pytestmark = pytest.mark.server


def ask(service: Service, bot: str, key: str, **body: Any) -> httpx2.Response:
    url = f"{service.url}/v1/chatbots/{bot}/query"
    return httpx2.post(url, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=60)


@pytest.fixture
def key(service: Service, bot: str) -> str:
    """Return an external key of a chatbot that takes questions."""
    service.http().patch(f"/chatbots/{bot}/external-api", json={"enabled": True})
    return str(service.http().post(f"/chatbots/{bot}/external-api/keys", json={"name": "ci"}).json()["key"])


def add_document(service: Service, bot: str, name: str, text: str, scope: str | None) -> None:
    data = {} if scope is None else {"scopeId": scope}
    http, path = service.http(), f"/chatbots/{bot}/documents"
    made = http.post(path, files={"file": (name, text.encode())}, data=data).json()["document"]
    deadline = time.monotonic() + 60
    while http.get(f"{path}/{made['id']}").json()["document"]["status"] == "processing":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_documents_of_one_scope_are_invisible_in_another(service: Service, bot: str, key: str) -> None:
    service.http().put(f"/chatbots/{bot}/scopes", json={"scopes": [{"id": "north"}, {"id": "south"}]})
    add_document(service, bot, "north.md", "# Hours\n\nThe northern shop opens at seven in the morning.", "north")
    add_document(service, bot, "south.md", "# Hours\n\nThe southern shop opens at eleven in the morning.", "south")
    question = "When does the shop open in the morning?"
    north = ask(service, bot, key, message=question, scope="north")
    assert north.status_code == 200, north.text
    assert "seven" in north.json()["response"]
    assert {source["title"] for source in north.json()["sources"]} == {"north.md"}
    south = ask(service, bot, key, message=question, scope="south").json()
    assert "eleven" in south["response"]
    moved = ask(service, bot, key, message=question, scope="south", conversationId=north.json()["conversationId"])
    assert (moved.status_code, moved.json()["error"]["code"]) == (409, "CONFLICT")
    usage = service.http().get(f"/chatbots/{bot}/analytics/usage").json()
    assert (usage["queryCount"], usage["documentCount"]) == (2, 2)


def test_the_door_is_closed_unless_enabled_and_counts(service: Service, bot: str, key: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/external-api"
    assert ask(service, bot, "wek_live_unknown", message="Hi").json()["error"]["code"] == "UNAUTHORIZED"
    assert ask(service, bot, key).status_code == 400
    http.patch(path, json={"rateLimitPerMinute": 2})
    assert [ask(service, bot, key, message="Hi").status_code for _ in range(3)] == [200, 200, 429]
    assert http.get(path).json()["keys"][0]["usageCount"] == 3
    http.patch(path, json={"enabled": False})
    assert ask(service, bot, key, message="Hi").json()["error"]["code"] == "FORBIDDEN"
    other = service.new_chatbot(name="Other")
    assert ask(service, other, key, message="Hi").status_code == 403


@pytest.mark.parametrize(
    ("telemetry", "kept"),
    [
        ({"level": "anonymized"}, None),
        ({"level": "identified"}, "user-42"),
        ({"level": "identified", "pseudonymizeIdentifiers": True}, "p_"),
    ],
)
def test_telemetry_decides_what_is_kept_of_who_asks(
    service: Service, bot: str, key: str, telemetry: dict[str, Any], kept: str | None
) -> None:
    service.http().patch(f"/chatbots/{bot}/telemetry", json=telemetry)
    answer = ask(service, bot, key, message="Hi", userId="user-42", metadata={"page": "/home"}).json()

    async def look() -> tuple[Any, Any]:
        def unit(tx: Any) -> tuple[Any, Any]:
            conversation = tx.conversations.get(service.organization_id, answer["conversationId"])
            (run,) = tx.runs.find(service.organization_id, conversation_id=conversation.id)
            visitor_id = conversation.visitor_id
            return run, visitor_id and tx.visitors.get(service.organization_id, visitor_id)

        return await service.platform.store.read(unit)

    run, visitor = anyio.run(look)
    assert "page" not in run.input.metadata
    assert (visitor.external_id[: len(kept)] if kept else visitor) == kept
    if kept == "p_":
        assert "user-42" not in visitor.external_id


def test_a_chatbot_whose_budget_is_used_up_answers_no_more(service: Service, bot: str, key: str) -> None:
    def limit(tx: Transaction) -> None:
        agent = tx.agents.get(service.organization_id, bot)
        budgets: JSON = {"agent": {"requests_max": 1, "period": "month"}}
        tx.agents.put(replace(agent, settings={**agent.settings, "budgets": budgets}))

    anyio.run(service.platform.store.write, limit)
    assert ask(service, bot, key, message="Hi").status_code == 200
    refused = ask(service, bot, key, message="Hi")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "RATE_LIMITED")
    assert int(refused.headers["Retry-After"]) > 0
