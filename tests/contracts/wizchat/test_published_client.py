"""The published client against a real server: every behaviour its own tests show, and the semantics of apply."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from wizchat_management import WizChatApiError, WizChatClient
from wizchat_management.models import ChatbotConfigDocument

from tests.contracts.wizchat.conftest import Service

pytestmark = pytest.mark.server

SERVER = {"name": "crm", "transport": "http", "url": "https://crm.example/mcp", "description": "Customers"}
SKILL = {"name": "refunds", "body": "Be kind.", "mode": "always", "linkedServerIds": ["crm"]}


def document(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ChatbotConfig", "spec": spec}


def test_lists_and_gets_chatbots(service: Service, bot: str) -> None:
    client = service.client()
    assert [one.id for one in client.list_chatbots()] == [bot]
    chatbot = client.get_chatbot(bot)
    assert (chatbot.name, chatbot.requireAuth) == ("Acme", False)
    assert chatbot.status is not None
    assert chatbot.status.value == "active"


def test_export_applies_as_noops_and_changes_nothing(service: Service, bot: str) -> None:
    client = service.client()
    client.apply_config(bot, document(core={"description": "Help"}, mcpServers=[SERVER], skills=[SKILL]))
    before = service.http().get(f"/chatbots/{bot}/config")
    exported = client.get_config(bot)
    assert exported.field_omittedSections == []
    assert client.apply_config(bot, exported, dry_run=True).plan.summary.noop == 8
    result = client.apply_config(bot, exported)
    assert result.failed is None
    assert {item.noop for item in result.applied or []} == {True}
    after = service.http().get(f"/chatbots/{bot}/config")
    assert (after.content, after.headers["etag"]) == (before.content, before.headers["etag"])


def test_dry_run_writes_nothing_and_is_what_runs(service: Service, bot: str) -> None:
    client = service.client()
    wish = document(core={"name": "Acme 2"}, mcpServers=[SERVER], domains=[{"domain": "Chat.Example.com"}])
    planned = client.apply_config(bot, wish, dry_run=True)
    assert planned.dryRun
    assert (planned.applied, planned.failed, planned.config) == (None, None, None)
    assert client.get_chatbot(bot).name == "Acme"
    assert client.apply_config(bot, wish).plan == planned.plan
    assert client.apply_config(bot, wish).plan.summary.noop == 3


def test_prune_is_the_default_and_the_call_decides(service: Service, bot: str) -> None:
    client = service.client()
    client.apply_config(bot, document(mcpServers=[SERVER], skills=[SKILL]))
    kept = client.apply_config(bot, {**document(skills=[]), "prune": True}, prune=False)
    assert kept.plan.summary.delete == 0
    pruned = client.apply_config(bot, document(skills=[]))
    assert [(item.section, item.action.value, item.key) for item in pruned.applied or []] == [
        ("skills", "delete", "refunds")
    ]


def test_a_failed_op_is_returned_with_422_and_converges(service: Service, bot: str) -> None:
    client = service.client()
    client.apply_config(bot, document(mcpServers=[SERVER], skills=[SKILL]))
    result = client.apply_config(bot, document(core={"name": "Kept"}, mcpServers=[]))
    assert result.failed is not None
    assert (result.failed.status, result.failed.code) == (409, "in_use")
    assert result.failed.op["key"] == "crm"
    assert [item.section for item in result.applied or []] == ["core"]
    assert client.get_chatbot(bot).name == "Kept"
    fixed = client.apply_config(bot, document(core={"name": "Kept"}, mcpServers=[], skills=[]))
    assert fixed.failed is None
    assert [item.noop for item in fixed.applied or []] == [True, None, None]


def test_missing_scope_is_a_typed_error_before_any_write(service: Service, bot: str) -> None:
    client = service.client(service.new_key("agents:read", "agents:write"))
    with pytest.raises(WizChatApiError) as caught:
        client.apply_config(bot, document(core={"name": "No"}, skills=[SKILL]))
    assert (caught.value.status, caught.value.code) == (403, "insufficient_scope")
    assert caught.value.details == {"requiredScope": "skills:write"}
    assert client.get_chatbot(bot).name == "Acme"


def test_least_privilege_export_round_trips(service: Service, bot: str) -> None:
    service.client().apply_config(bot, document(mcpServers=[SERVER], skills=[SKILL]))
    client = service.client(service.new_key("agents:read", "agents:write", "skills:read", "skills:write"))
    exported = client.get_config(bot)
    assert exported.spec.mcpServers is None
    assert exported.field_omittedSections == [
        "accessProtection",
        "externalApi",
        "accessLists",
        "telemetry",
        "mcpServers",
        "domains",
    ]
    assert client.apply_config(bot, exported).plan.summary.noop == 3
    assert [server.name for server in service.client().get_config(bot).spec.mcpServers or []] == ["crm"]


def test_a_key_for_other_chatbots_is_told_so(service: Service, bot: str) -> None:
    other = service.new_chatbot(name="Other")
    client = service.client(service.new_key(agent_ids=[other]))
    assert [one.id for one in client.list_chatbots()] == [other]
    for call in (client.get_chatbot, client.get_config, lambda one: client.apply_config(one, document())):
        with pytest.raises(WizChatApiError) as caught:
            call(bot)
        assert (caught.value.status, caught.value.code) == (403, "chatbot_not_in_key_scope")


def test_other_organizations_see_nothing(service: Service, bot: str) -> None:
    client = service.client(service.new_key(organization_id=service.new_organization()))
    assert client.list_chatbots() == []
    with pytest.raises(WizChatApiError) as caught:
        client.apply_config(bot, document(core={"name": "Mine"}))
    assert (caught.value.status, caught.value.code) == (404, "not_found")
    assert caught.value.message == "Chatbot not found."


def test_unknown_and_missing_keys(service: Service) -> None:
    with pytest.raises(WizChatApiError) as caught:
        service.client("wpk_live_unknown").list_chatbots()
    assert (caught.value.status, caught.value.code) == (401, "invalid_api_key")
    answer = service.http().get("/chatbots", headers={"Authorization": ""})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")


def test_typed_documents_keep_arrays_and_open_keys(service: Service, bot: str) -> None:
    client = service.client()
    core = {"x-team": {"owner": None, "list": [1, {"a": True}]}, "appearance": {"color": None}, "futureKey": 5}
    client.apply_config(bot, document(core=core))
    exported: ChatbotConfigDocument = client.get_config(bot)
    assert exported.spec.core is not None
    assert {name: exported.spec.core[name] for name in core} == core
    assert client.apply_config(bot, exported).plan.summary.update == 0


def test_twelve_clients_apply_at_once(service: Service, bot: str) -> None:
    def one(number: int) -> bool:
        with WizChatClient(api_key=service.key, base_url=service.url) as client:
            wish = document(core={"name": f"N{number}"}, skills=[{"name": f"s{number}"}])
            return client.apply_config(bot, wish).failed is None

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(one, range(12)))
    exported = service.client().get_config(bot)
    assert exported.spec.core is not None
    assert [skill.name for skill in exported.spec.skills or []] == [f"s{exported.spec.core['name'][1:]}"]
