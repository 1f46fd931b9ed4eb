"""The published calls of a Python integration, made with requests and environment variables only."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.contracts.site import open_site
from tests.contracts.wisebot.office import Office


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_site(tmp_path_factory.mktemp("site")) as site:
        office = Office(site)
        yield office
        office.close()


@pytest.fixture(params=["jwt", "key"])
def env(office: Office, request: pytest.FixtureRequest) -> dict[str, str]:
    """The variables of the documentation; the token is one of the two kinds."""
    token = {"WISEBOT_ACCESS_TOKEN": office.jwt} if request.param == "jwt" else {"WISE_KEY": office.key}
    return {"WISEBOTAI_BASE_URL": office.site.url, "WISEBOT_WORKFLOW_TRIGGER_ORIGIN": office.site.url, **token}


def _base(env: dict[str, str]) -> tuple[str, dict[str, str]]:
    token = env.get("WISEBOT_ACCESS_TOKEN") or env["WISE_KEY"]
    return env["WISEBOTAI_BASE_URL"].rstrip("/"), {"Authorization": f"Bearer {token}"}


def _get(env: dict[str, str], path: str, **params: Any) -> Any:
    base, headers = _base(env)
    answer = requests.get(f"{base}{path}", params=params, headers=headers, timeout=60)
    answer.raise_for_status()
    return answer.json()


def _post(env: dict[str, str], path: str, body: Any) -> Any:
    base, headers = _base(env)
    headers = {**headers, "Content-Type": "application/json"}
    answer = requests.post(f"{base}{path}", headers=headers, json=body, timeout=120)
    answer.raise_for_status()
    return answer.json()


def test_status_agents_and_activity_are_read(env: dict[str, str]) -> None:
    assert _get(env, "/api/v1/status")["ok"] is True
    assert [agent["name"] for agent in _get(env, "/api/v1/agents")["agents"]]
    for line in _get(env, "/api/v1/activity", limit=20).get("lines") or []:
        assert isinstance(line, str)


@pytest.mark.parametrize("path", ["/api/v1/api-keys", "/api/v1/webhooks"])
def test_keys_and_webhooks_need_a_dashboard_token(env: dict[str, str], path: str) -> None:
    if "WISE_KEY" not in env:
        assert isinstance(_get(env, path), dict)
        return
    with pytest.raises(requests.HTTPError) as caught:
        _get(env, path)
    assert caught.value.response.status_code == 401


def test_agent_is_created_with_a_tool(env: dict[str, str]) -> None:
    body = {"name": "Python-created agent", "model": "gpt-4o-mini", "tools": [{"type": "image_search"}]}
    assert _post(env, "/api/v1/agents", body)["name"] == "Python-created agent"


def test_file_is_uploaded_listed_resolved_and_attached_by_its_name(env: dict[str, str], tmp_path: Path) -> None:
    base, headers = _base(env)
    (tmp_path / "refund-policy.pdf").write_bytes(b"%PDF-1.4 not much of one")
    with (tmp_path / "refund-policy.pdf").open("rb") as file:
        answer = requests.post(
            f"{base}/api/v1/knowledge-files",
            headers=headers,
            files={"file": ("refund-policy.pdf", file, "application/pdf")},
            data={"folderPath": "Legal"},
            timeout=300,
        )
    answer.raise_for_status()
    assert answer.json()["name"] == "refund-policy.pdf"
    assert answer.json()["url"].endswith("refund-policy.pdf")
    for file_entry in _get(env, "/api/v1/knowledge-files", limit=25).get("files") or []:
        assert file_entry["name"]
    body = {
        "name": "Support bot",
        "model": "gpt-4o-mini",
        "tools": [{"type": "knowledge_base", "config": {"label": "refund-policy.pdf"}}],
    }
    created = _post(env, "/api/v1/agents", body)
    resolved = _get(env, "/api/v1/knowledge-files/resolve", label="refund-policy.pdf")
    assert created["tools"][0]["config"]["fileId"] == resolved["fileId"]
    assert resolved["matchedBy"] == "name"


def test_workflow_is_run_by_the_dashboard_call_and_by_its_secret(env: dict[str, str], office: Office) -> None:
    flow = office.flow()
    answer = _post(env, f"/api/v1/flow/{flow['id']}", {"inputs": {"message": "from Python"}})
    assert answer == {"ok": True, "runId": answer["runId"], "result": "FROM PYTHON", "error": None}
    origin = env["WISEBOT_WORKFLOW_TRIGGER_ORIGIN"].rstrip("/")
    triggered = requests.post(
        f"{origin}/workflows/trigger",
        params={"workflowId": str(flow["id"])},
        headers={"Authorization": f"Bearer {flow['webhookSecret']}", "Content-Type": "application/json"},
        json={"message": "from Python"},
        timeout=120,
    )
    triggered.raise_for_status()
    assert json.loads(triggered.text)["result"] == "FROM PYTHON"


def test_visitor_chats_as_a_stream(env: dict[str, str]) -> None:
    base, headers = _base(env)
    session = _post(env, "/api/v1/chat/sessions", {"externalUserId": "user_42", "name": "Jane Doe"})
    assert session.keys() >= {"contactSessionId", "conversationId", "threadId", "greetingMessage"}
    resumed = _get(env, "/api/v1/chat/sessions", externalUserId="user_42")["session"]
    assert resumed["threadId"] == session["threadId"]
    body = {
        "prompt": "Hello!",
        "threadId": session["threadId"],
        "contactSessionId": session["contactSessionId"],
    }
    finished, failed = [], []
    with requests.post(
        f"{base}/api/chat/agent",
        headers={**headers, "Content-Type": "application/json"},
        json=body,
        stream=True,
        timeout=120,
    ) as answer:
        answer.raise_for_status()
        for line in answer.iter_lines(decode_unicode=True):
            if not line or not line.startswith("data:"):
                continue
            data = line[5:].strip()
            if data == "[DONE]":
                break
            event = json.loads(data)
            if event.get("type") == "finish":
                finished.append(event.get("fullText"))
            if event.get("type") == "error":
                failed.append(event.get("message"))
    assert (finished, failed) == (["Hello!"], [])
