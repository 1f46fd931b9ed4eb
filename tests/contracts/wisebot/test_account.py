"""Status, activity, keys, webhooks, login, and who may call what."""

import time
from collections.abc import Callable

import pytest

from tests.contracts.site import Site
from tests.contracts.wisebot.office import PASSWORD, Office, error_of

_BOTH = [
    ("GET", "/api/v1/status"),
    ("GET", "/api/v1/activity"),
    ("GET", "/api/v1/agents"),
    ("GET", "/api/v1/knowledge-files"),
    ("GET", "/api/v1/flows"),
    ("GET", "/api/v1/inbox"),
]
_PEOPLE = [
    ("GET", "/api/v1/api-keys"),
    ("POST", "/api/v1/api-keys"),
    ("GET", "/api/v1/webhooks"),
    ("POST", "/api/v1/webhooks"),
    ("POST", "/api/v1/playground/messages"),
    ("GET", "/api/v1/playground/sessions"),
]


@pytest.mark.parametrize(("method", "path"), _BOTH)
def test_key_and_token_are_both_good(office: Office, method: str, path: str) -> None:
    assert office.api.request(method, path).status_code == 200
    assert office.people.request(method, path).status_code == 200


@pytest.mark.parametrize(("method", "path"), _PEOPLE)
def test_key_is_answered_401_where_a_person_is_wanted(office: Office, method: str, path: str) -> None:
    assert error_of(office.api.request(method, path, json={}), 401) == {
        "error": "Unauthorized",
        "message": "This endpoint needs a dashboard JWT.",
        "code": "unauthorized",
    }


@pytest.mark.parametrize(("method", "path"), [*_BOTH, *_PEOPLE, ("POST", "/api/v1/flow/wf_1")])
@pytest.mark.parametrize("token", ["", "wb_live_" + "x" * 43, "wab_live_nothing", "eyJhbGciOiJIUzI1NiJ9.e30.x", "ü"])
def test_bad_credentials_are_401(site: Site, method: str, path: str, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}".encode()} if token else {}
    with site.client() as client:
        error_of(client.request(method, path, json={}, headers=headers), 401)  # type: ignore[arg-type]


def test_status_counts(office: Office) -> None:
    office.flow()
    office.ask(office.session(), "Hello")
    status = office.api.get("/api/v1/status").json()
    assert status["ok"] is True
    assert status["organization"] == {"id": office.organization_id, "name": "Acme", "plan": "self-hosted"}
    assert status["metrics"] == {
        "agents": 1,
        "conversations": 1,
        "openConversations": 1,
        "workflows": 1,
        "workflowRuns24h": 0,
        "knowledgeFiles": 0,
        "messages24h": 2,
    }


def test_activity_limit_is_clamped(office: Office) -> None:
    flow = office.flow([{"id": "a", "key": "a", "type": "transform", "config": {"template": "x"}}])
    for _ in range(52):
        assert office.api.post(f"/api/v1/flow/{flow['id']}", json={}).json()["ok"]
    expected = {"": 15, "?limit=20": 20, "?limit=1": 1, "?limit=0": 1, "?limit=-5": 1, "?limit=999": 50}
    for query, count in expected.items():
        body = office.api.get(f"/api/v1/activity{query}").json()
        assert len(body["lines"]) == len(body["events"]) == count, query
    error_of(office.api.get("/api/v1/activity?limit=x"), 400)
    error_of(office.api.get("/api/v1/knowledge-files?limit=x"), 400)


def test_activity_of_an_empty_organization_is_empty(office: Office) -> None:
    assert office.api.get("/api/v1/activity").json() == {"lines": [], "events": []}


def test_activity_lines_say_what_happened(office: Office) -> None:
    office.ask(office.session(), "Hello")
    body = office.api.get("/api/v1/activity").json()
    event = body["events"][0]
    assert (event["type"], event["subject"], event["status"]) == ("agent.run", office.agent.name, "succeeded")
    assert body["lines"][0].startswith(f"{event['at']}  agent.run  {office.agent.name}  succeeded")


def test_key_is_made_shown_once_used_and_revoked(office: Office) -> None:
    made = office.people.post("/api/v1/api-keys", json={"name": "CI"})
    assert made.status_code == 201
    secret, key_id = made.json()["key"], made.json()["id"]
    assert secret.startswith("wb_live_")
    assert len(secret) >= len("wb_live_") + 32
    listed = office.people.get("/api/v1/api-keys")
    assert secret not in listed.text
    entry = next(one for one in listed.json()["keys"] if one["id"] == key_id)
    assert entry.keys() == {"id", "name", "prefix", "lastFour", "createdAt", "lastUsedAt", "revokedAt"}
    with office.site.client(Authorization=f"Bearer {secret}") as client:
        assert client.get("/api/v1/status").status_code == 200
        assert office.people.delete(f"/api/v1/api-keys/{key_id}").status_code == 204
        error_of(client.get("/api/v1/status"), 401)


def test_webhook_is_made_changed_and_removed(office: Office) -> None:
    body = {"url": "https://example.com/hook", "events": ["conversation.created", "workflow.run.finished"]}
    made = office.people.post("/api/v1/webhooks", json=body)
    assert made.status_code == 201
    assert made.json()["secret"]
    listed = office.people.get("/api/v1/webhooks")
    assert made.json()["secret"] not in listed.text
    assert [one["url"] for one in listed.json()["webhooks"]] == [body["url"]]
    path = f"/api/v1/webhooks/{made.json()['id']}"
    assert office.people.patch(path, json={"enabled": False}).json()["enabled"] is False
    assert office.people.delete(path).status_code == 204
    error_of(office.people.delete(path), 404)


def test_webhook_for_an_unknown_event_is_refused(office: Office) -> None:
    for event in ("nope", "nope.*", "run.finish"):
        answer = office.people.post("/api/v1/webhooks", json={"url": "https://example.com/x", "events": [event]})
        assert "document.ready" in error_of(answer, 400)["message"]


def test_documents_are_told_of_when_they_are_ready_or_failed(office: Office) -> None:
    body = {"url": "https://example.com/x", "events": ["document.*"]}
    hook = office.people.post("/api/v1/webhooks", json=body).json()
    for name, data in (("good.txt", b"Parcels leave on Mondays."), ("broken.pdf", b"%PDF-1.4 nothing")):
        assert office.api.post("/api/v1/knowledge-files", files={"file": (name, data)}).status_code == 201
    deadline = time.monotonic() + 60
    types: set[str] = set()
    while len(types) < 2 and time.monotonic() < deadline:
        found = office.people.get(f"/api/v1/webhooks/{hook['id']}/deliveries").json()["deliveries"]
        types = {one["type"] for one in found}
        time.sleep(0.1)
    assert types == {"document.ready", "document.failed"}


def test_member_may_look_but_not_change_what_matters(office: Office) -> None:
    with office.member() as member:
        assert member.get("/api/v1/api-keys").status_code == 200
        assert member.get("/api/v1/agents").status_code == 200
        error_of(member.post("/api/v1/api-keys", json={"name": "x"}), 403)
        error_of(member.post("/api/v1/agents", json={"name": "x", "model": "y"}), 403)
        error_of(member.post("/api/v1/flows", json={"name": "x"}), 403)


def test_login_gives_a_token_and_guessing_does_not(office: Office) -> None:
    with office.site.client() as client:
        answer = client.post("/api/auth/login", json={"email": office.email, "password": PASSWORD})
        assert answer.status_code == 200
        assert answer.json().keys() >= {"token", "expiresAt"}
        headers = {"Authorization": f"Bearer {answer.json()['token']}"}
        assert client.get("/api/v1/api-keys", headers=headers).status_code == 200
        error_of(client.post("/api/auth/login", json={"email": office.email, "password": "guess"}), 401)
        error_of(client.post("/api/auth/login", json={"email": office.email}), 400)


def test_two_organizations_share_nothing(office: Office, make_office: Callable[..., Office]) -> None:
    other = make_office()
    flow = office.flow()
    session = office.session()
    office.ask(session, "Hello")
    run_id = office.api.post(f"/api/v1/flow/{flow['id']}", json={"inputs": {"message": "x"}}).json()["runId"]
    hook = office.people.post("/api/v1/webhooks", json={"url": "https://example.com/x", "events": ["*"]}).json()
    for method, path in (
        ("GET", f"/api/v1/agents/{office.agent.id}"),
        ("PATCH", f"/api/v1/agents/{office.agent.id}"),
        ("DELETE", f"/api/v1/agents/{office.agent.id}"),
        ("GET", f"/api/v1/flows/{flow['id']}"),
        ("PUT", f"/api/v1/flows/{flow['id']}"),
        ("DELETE", f"/api/v1/flows/{flow['id']}"),
        ("POST", f"/api/v1/flow/{flow['id']}"),
        ("GET", f"/api/v1/flows/{flow['id']}/runs"),
        ("GET", f"/api/v1/runs/{run_id}"),
        ("POST", f"/api/v1/runs/{run_id}/cancel"),
        ("POST", f"/api/v1/runs/{run_id}/rerun"),
        ("GET", f"/api/v1/inbox/{session['threadId']}"),
        ("GET", f"/api/v1/webhooks/{hook['id']}/deliveries"),
        ("DELETE", f"/api/v1/webhooks/{hook['id']}"),
    ):
        error_of(other.people.request(method, path, json={}), 404)
    error_of(other.people.post(f"/api/v1/inbox/{session['threadId']}/reply", json={"text": "hi"}), 404)
    for path in ("agents", "flows", "inbox", "knowledge-files", "activity"):
        assert office.agent.id not in other.api.get(f"/api/v1/{path}").text
        assert session["threadId"] not in other.api.get(f"/api/v1/{path}").text


_BAD_BODIES = [
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b'{"name": NaN}',
    b'{"name": 1}',
    b'{"a": "\xff"}',
    b"[" * 500,
    b'{"name": "a", "name": "b"}',
]


@pytest.mark.parametrize("path", ["agents", "flows", "chat/sessions", "flow/wf_1", "knowledge-files"])
def test_bad_bodies_are_refused_in_the_envelope(office: Office, path: str) -> None:
    for body in _BAD_BODIES:
        answer = office.api.post(f"/api/v1/{path}", content=body, headers={"Content-Type": "application/json"})
        error_of(answer, 415 if path == "knowledge-files" else 400)


def test_wrong_method_type_and_path_answer_in_the_envelope(office: Office) -> None:
    error_of(office.api.delete("/api/v1/status"), 405)
    error_of(office.api.post("/api/v1/agents", content=b"x", headers={"Content-Type": "text/plain"}), 415)
    error_of(office.api.get("/api/v1/flows/%20%00"), 404)
    error_of(office.api.get("/api/v1/agents/nobody"), 404)
    error_of(office.api.post("/api/v1/agents", content=b" " * 40_000_000), 413)


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/nothing", "/workflows/nothing"])
def test_its_key_gets_its_envelope_where_nothing_is(office: Office, path: str) -> None:
    error_of(office.api.get(path), 404)
