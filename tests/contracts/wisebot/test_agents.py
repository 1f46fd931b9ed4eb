"""Agents and knowledge files."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.contracts.wisebot.office import Office, error_of
from tests.core.reconcile.bench import caller


def _upload(office: Office, name: str, data: bytes = b"You may return it within 30 days.", **fields: str) -> Any:
    return office.api.post("/api/v1/knowledge-files", files={"file": (name, data, "text/plain")}, data=fields)


def test_agent_is_made_with_every_field(office: Office) -> None:
    body = {
        "name": "Support bot",
        "model": "gpt-4o-mini",
        "systemPrompt": "Be kind.",
        "description": "Helps",
        "greetingMessage": "Hello there",
        "temperature": 0.3,
        "tools": [
            {"type": "search"},
            {"type": "builtin:search"},
            {"type": "mcp", "config": {"server": "crm", "tools": ["find"]}, "requireApproval": True},
        ],
    }
    answer = office.api.post("/api/v1/agents", json=body)
    assert answer.status_code == 201
    made = answer.json()
    assert made.keys() >= {"id", "name", "model", "status", "tools", "createdAt", "updatedAt"}
    assert (made["status"], made["instructions"], made["tools"]) == ("active", "Be kind.", body["tools"])
    assert office.api.get(f"/api/v1/agents/{made['id']}").json() == made
    assert made["id"] in [one["id"] for one in office.api.get("/api/v1/agents").json()["agents"]]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x"},
        {"model": "x"},
        {"name": "", "model": "x"},
        {"name": "x", "model": "y", "tools": [{"type": "teleport"}]},
        {"name": "x", "model": "y", "tools": [{"config": {}}]},
        {"name": "x", "model": "y", "tools": {"type": "search"}},
        {"name": "x", "model": "y", "tools": [{"type": "knowledge_base"}]},
        {"name": "x", "model": "y", "tools": [{"type": "knowledge_base", "config": {"label": "nothing.pdf"}}]},
        {"name": "x", "model": "y", "tools": [{"type": "mcp", "config": {}}]},
        {"name": "x", "model": "y", "temperature": 7},
    ],
)
def test_agent_that_makes_no_sense_is_400_and_not_made(office: Office, body: dict[str, Any]) -> None:
    error_of(office.api.post("/api/v1/agents", json=body), 400)
    assert len(office.api.get("/api/v1/agents").json()["agents"]) == 1


def test_label_is_resolved_before_the_agent_is_made(office: Office) -> None:
    file_id = _upload(office, "Refund-Policy.txt").json()["id"]
    tool = {"type": "knowledge_base", "config": {"label": "refund-policy.txt"}}
    made = office.api.post("/api/v1/agents", json={"name": "x", "model": "y", "tools": [tool]}).json()
    assert made["tools"] == [{"type": "knowledge_base", "config": {"label": "Refund-Policy.txt", "fileId": file_id}}]


def test_agent_is_changed_and_deleted(office: Office) -> None:
    made = office.api.post("/api/v1/agents", json={"name": "x", "model": "y", "description": "old"}).json()
    path = f"/api/v1/agents/{made['id']}"
    changed = office.api.patch(path, json={"name": "new", "status": "draft"}).json()
    assert (changed["name"], changed["status"], changed["description"]) == ("new", "draft", "old")
    assert office.api.delete(path).status_code == 204
    error_of(office.api.get(path), 404)
    error_of(office.api.delete(f"/api/v1/agents/{office.agent.id}"), 409)


def test_change_leaves_a_revision_with_what_changed(office: Office) -> None:
    path = f"/api/v1/agents/{office.agent.id}"
    office.api.patch(path, json={"name": "new", "instructions": "Be brief."})
    office.api.patch(path, json={"name": "newer"})
    history, owner = office.platform.management.history, caller(organization_id=office.organization_id)
    revisions = office.site.run(history.list(owner, office.agent.id))
    # What the agent was before anybody noted it comes first.
    assert [one.cause for one in revisions] == ["edit", "edit", "unnoticed"]
    _, sections, plan = office.site.run(history.get(owner, office.agent.id, 2))
    assert [(op.section, op.changed_fields) for op in plan.ops] == [("agent", ("behavior", "name"))]
    named: Any = sections["agent"]
    assert named["name"] == "new"
    office.site.run(history.restore(owner, office.agent.id, 1))
    assert office.api.get(path).json()["name"] == office.agent.name


def test_file_is_stored_listed_and_replaced(office: Office) -> None:
    answer = _upload(office, "refund.txt", folderPath="Legal")
    assert answer.status_code == 201
    made = answer.json()
    assert made.keys() == {"name", "url", "id", "status", "folderPath"}
    assert (made["name"], made["folderPath"]) == ("refund.txt", "Legal")
    assert _upload(office, "refund.txt", b"Now 60 days.", folderPath="Legal").json()["id"] == made["id"]
    files = office.api.get("/api/v1/knowledge-files", params={"limit": 25}).json()["files"]
    assert [one["name"] for one in files] == ["refund.txt"]
    assert files[0].keys() >= {"id", "name", "status", "folderPath", "mimeType", "size", "createdAt", "error"}


def test_the_address_of_an_upload_gives_its_bytes_to_its_organization(
    office: Office, make_office: Callable[..., Office]
) -> None:
    url = _upload(office, "Rück gabe.txt", b"30 days").json()["url"]
    answer = office.api.get(url)
    assert (answer.status_code, answer.content) == (200, b"30 days")
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''R%C3%BCck%20gabe.txt"
    error_of(make_office().api.get(url), 404)
    error_of(office.api.get(url, headers={"Authorization": ""}), 401)
    error_of(office.api.get("/files/doc_nothing/a.txt"), 404)


def test_label_finds_one_file_none_or_several(office: Office) -> None:
    made = _upload(office, "A.txt", folderPath="One").json()
    resolve = "/api/v1/knowledge-files/resolve"
    for label, matched_by in (("A.txt", "name"), ("a.TXT", "name_ci"), ("One/A.txt", "path")):
        found = office.api.get(resolve, params={"label": label}).json()
        assert found == {"fileId": made["id"], "matchedBy": matched_by}
    error_of(office.api.get(resolve, params={"label": "B.txt"}), 404)
    error_of(office.api.get(resolve), 400)
    _upload(office, "A.txt", b"another", folderPath="Two")
    error_of(office.api.get(resolve, params={"label": "A.txt"}), 409)


def test_uploads_that_cannot_be_read_are_refused(office: Office) -> None:
    error_of(_upload(office, "program.exe"), 415)
    error_of(_upload(office, "big.txt", b"x" * (25 * 1024 * 1024 + 1)), 413)
    error_of(office.api.post("/api/v1/knowledge-files", json={"file": "x"}), 415)
    error_of(
        office.api.post("/api/v1/knowledge-files", data={"folderPath": "x"}, files={"other": ("a.txt", b"x")}), 400
    )
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    error_of(office.api.post("/api/v1/knowledge-files", content=b"--y\r\nnothing", headers=broken), 400)


@pytest.mark.parametrize(("query", "count"), [("", 25), ("?limit=3", 3), ("?limit=0", 1), ("?limit=500", 30)])
def test_file_list_is_limited(office: Office, query: str, count: int) -> None:
    for number in range(30):
        _upload(office, f"{number}.txt", str(number).encode())
    assert len(office.api.get(f"/api/v1/knowledge-files{query}").json()["files"]) == count
