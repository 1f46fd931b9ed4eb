"""Beyond the contract: preconditions, saved plans, revisions, drift, secrets, protection, atomic applies."""

from typing import Any

import pytest

from tests.contracts.wizchat.conftest import Service

pytestmark = pytest.mark.server

SERVER = {"name": "crm", "url": "https://crm.example/mcp"}
SKILL = {"name": "refunds", "linkedServerIds": ["crm"]}


def document(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ChatbotConfig", "spec": spec}


def test_if_match_refuses_what_is_stale(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}"
    etag = http.get(f"{path}/config").headers["etag"]
    dry = http.post(f"{path}/apply?dryRun=true", json=document(core={"name": "B"}))
    assert dry.headers["etag"] == dry.headers["base-etag"] == etag
    done = http.post(f"{path}/apply", json=document(core={"name": "B"}), headers={"If-Match": etag})
    assert (done.status_code, done.headers["base-etag"]) == (200, etag)
    assert done.headers["etag"] != etag
    for stale in (etag, '"other"'):
        refused = http.post(f"{path}/apply", json=document(core={"name": "C"}), headers={"If-Match": stale})
        assert (refused.status_code, refused.json()["error"]["code"]) == (412, "precondition_failed")


def test_a_saved_plan_runs_as_reviewed_or_not_at_all(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/apply"
    wish = document(core={"name": "B"})
    dry = http.post(f"{path}?dryRun=true", json=wish)
    saved = {name: dry.headers[name] for name in ("Plan-Hash", "Document-Hash")}
    other = http.post(path, json=document(core={"name": "C"}), headers=saved)
    assert other.status_code == 412
    http.patch(f"/chatbots/{bot}", json={"name": "D"})
    moved = http.post(path, json=wish, headers={"Plan-Hash": saved["Plan-Hash"]})
    assert moved.status_code == 412
    again = http.post(f"{path}?dryRun=true", json=wish).headers["Plan-Hash"]
    assert http.post(path, json=wish, headers={"Plan-Hash": again}).status_code == 200


def test_revisions_tell_who_did_what_and_come_back(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}"
    http.post(
        f"{path}/apply",
        json=document(core={"description": "one", "logoUrl": "https://a.example"}, skills=[{"name": "a"}]),
    )
    http.patch(path, json={"description": "two"})
    http.post(f"{path}/skills", json={"name": "b"})
    log = http.get(f"{path}/revisions").json()["revisions"]
    assert [(one["number"], one["cause"], one["status"]) for one in log] == [
        (4, "edit", "applied"),
        (3, "edit", "applied"),
        (2, "apply", "applied"),
        (1, "create", "applied"),
    ]
    assert log[0]["actor"]["name"] == "test"
    shown = http.get(f"{path}/revisions/2").json()["revision"]
    assert shown["config"]["spec"]["core"]["description"] == "one"
    assert [(op["section"], op["action"]) for op in shown["plan"]["ops"]] == [("core", "update"), ("skills", "create")]
    diff = http.get(f"{path}/revisions/2/diff", params={"against": 4}).json()["plan"]
    assert diff["summary"] | {"noop": 0} == {"create": 1, "update": 1, "delete": 0, "noop": 0}
    restored = http.post(f"{path}/revisions/1/restore")
    assert restored.json()["plan"]["summary"]["delete"] == 2
    core = http.get(f"{path}/config").json()["spec"]["core"]
    assert core["description"] == ""
    assert "logoUrl" not in core
    assert http.get(f"{path}/revisions").json()["revisions"][0]["cause"] == "restore"
    assert http.get(f"{path}/revisions/99").status_code == 404


def test_drift_is_what_changed_since_the_last_apply(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}"
    http.post(f"{path}/apply", json=document(core={"description": "one"}))
    assert http.get(f"{path}/drift").json()["plan"]["ops"] == []
    http.patch(path, json={"description": "by hand"})
    drift = http.get(f"{path}/drift").json()
    assert [(op["section"], op["changedFields"]) for op in drift["plan"]["ops"]] == [("core", ["description"])]
    assert (drift["since"]["cause"], [one["cause"] for one in drift["revisions"]]) == ("apply", ["edit"])


def test_secrets_are_planned_by_fingerprint_and_never_shown(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/secrets"
    http.post(f"/chatbots/{bot}/apply", json=document(mcpServers=[SERVER]))
    place = "mcpServers/crm/headers/X-Key"
    dry = http.put(f"{path}?dryRun=true", json={"secrets": {place: "alpha-value"}}).json()
    assert [one["action"] for one in dry["secrets"]] == ["create"]
    assert http.get(path).json()["secrets"] == []
    made = http.put(path, json={"secrets": {place: "alpha-value"}})
    same = http.put(f"{path}?dryRun=true", json={"secrets": {place: "alpha-value"}}).json()["secrets"][0]
    other = http.put(f"{path}?dryRun=true", json={"secrets": {place: "beta-value"}}).json()["secrets"][0]
    assert (same["action"], other["action"]) == ("noop", "update")
    assert same["fingerprint"] != other["fingerprint"]
    assert "alpha-value" not in made.text + http.get(path).text
    assert http.get(f"/chatbots/{bot}/revisions").json()["revisions"][0]["cause"] == "secrets"
    assert http.put(path, json={"secrets": {"mcpServers/none/headers/a": "x"}}).status_code == 404
    assert http.put(path, json={"secrets": {"what": "x"}}).status_code == 400
    reader = service.http(service.new_key("agents:read", "mcp:read"))
    assert reader.put(path, json={"secrets": {place: "x"}}).status_code == 403


def test_deletes_are_limited_and_things_protected(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/apply"
    core = {"x-protect": ["chatbot", "mcpServers/crm"]}
    http.post(path, json=document(core=core, mcpServers=[SERVER], skills=[{"name": "a"}, {"name": "b"}]))
    assert service.http().get(f"/chatbots/{bot}/config").json()["spec"]["core"]["x-protect"] == core["x-protect"]
    many = http.post(path, json=document(skills=[]), headers={"Max-Deletes": "1"})
    assert (many.status_code, many.json()["error"]["details"]["reason"]) == (409, "too_many_deletes")
    dry = http.post(f"{path}?dryRun=true", json=document(mcpServers=[]))
    assert "protected" in dry.headers["plan-warning"]
    refused = http.post(path, json=document(mcpServers=[]))
    assert (refused.status_code, refused.json()["failed"]["code"]) == (422, "delete_protected")
    assert http.delete(f"/chatbots/{bot}").status_code == 409
    assert http.delete(f"/chatbots/{bot}/skills/none").status_code == 404


def test_preflight_and_atomic_applies_leave_nothing_half_done(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/apply"
    http.post(path, json=document(mcpServers=[SERVER], skills=[SKILL]))
    wish = document(core={"name": "Half"}, mcpServers=[])
    checked = http.post(path, json=wish, headers={"Apply-Preflight": "true"})
    assert (checked.status_code, checked.json()["error"]["details"]["reason"]) == (409, "in_use")
    atomic = http.post(path, json=wish, headers={"Apply-Mode": "atomic"})
    assert (atomic.status_code, atomic.json()["applied"]) == (422, [])
    assert http.get(f"/chatbots/{bot}").json()["chatbot"]["name"] == "Acme"
    assert http.post(path, json=wish, headers={"Apply-Mode": "sometimes"}).status_code == 400


def test_rename_keeps_id_secrets_and_links(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}"
    http.post(
        f"{path}/apply",
        json=document(mcpServers=[SERVER], skills=[SKILL], scopes={"scopes": [{"id": "a", "mcpServerIds": ["crm"]}]}),
    )
    http.put(f"{path}/secrets", json={"secrets": {"mcpServers/crm/headers/K": "value"}})
    before = http.get(f"{path}/mcp-servers").json()["mcpServers"][0]["id"]
    body = {"section": "mcpServers", "from": "crm", "to": "sales/crm"}
    assert http.post(f"{path}/rename", json=body).status_code == 204
    spec = http.get(f"{path}/config").json()["spec"]
    assert http.get(f"{path}/mcp-servers").json()["mcpServers"][0]["id"] == before
    assert (spec["skills"][0]["linkedServerIds"], spec["scopes"]["scopes"][0]["mcpServerIds"]) == (
        ["sales/crm"],
        ["sales/crm"],
    )
    assert http.get(f"{path}/secrets").json()["secrets"][0]["place"] == "mcpServers/sales/crm/headers/K"
    assert http.post(f"{path}/rename", json=body).status_code == 404
