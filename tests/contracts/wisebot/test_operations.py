"""What an operator looks at: runs of agents, outgoing calls, single files, and streams of news."""

from collections.abc import Callable
from typing import Any

from tests.contracts.site import Site
from tests.contracts.wisebot.office import Office, error_of, pair
from trivium.core.ports import ToolResult

Make = Callable[..., Office]


def test_run_of_an_agent_is_listed_read_and_told(office: Office) -> None:
    office.ask(office.session(), "Hello")
    (run,) = office.api.get("/api/v1/agent-runs", params={"status": "succeeded"}).json()["runs"]
    whole = office.api.get(f"/api/v1/agent-runs/{run['id']}").json()
    assert (whole["question"], whole["agentId"]) == ("Hello", office.agent.id)
    told = office.api.get(f"/api/v1/agent-runs/{run['id']}/events").json()
    assert (told["status"], told["events"][-1]["type"]) == ("succeeded", "RunFinished")
    assert office.api.post(f"/api/v1/agent-runs/{run['id']}/cancel").json()["status"] == "succeeded"
    error_of(office.api.get("/api/v1/agent-runs/run_none"), 404)
    error_of(office.api.get("/api/v1/agent-runs", params={"status": "fine"}), 400)


def test_runs_of_another_organization_are_not_shown(office: Office, make_office: Make) -> None:
    office.ask(office.session(), "Hello")
    (run,) = office.api.get("/api/v1/agent-runs").json()["runs"]
    other = make_office()
    assert other.api.get("/api/v1/agent-runs").json() == {"runs": []}
    for path in (f"/api/v1/agent-runs/{run['id']}", f"/api/v1/agent-runs/{run['id']}/events"):
        error_of(other.api.get(path), 404)


def test_waiting_tool_call_is_decided_by_the_run(site: Site, make_office: Make) -> None:
    site.tools.answers["approve_gift"] = lambda _, __: ToolResult(output="given")
    turns = [{"tool_calls": [{"name": "approve_gift", "input": {}}]}, {"text": "Done."}]
    settings = {"model_options": {"script": turns}, "hand_tools": ["approve_gift"]}
    office = make_office(model="scripted/script", settings=settings)
    asked = next(one for one in office.ask(office.session(), "Please") if one["type"] == "approval-required")
    (run,) = office.api.get("/api/v1/agent-runs", params={"status": "waiting"}).json()["runs"]
    path = f"/api/v1/agent-runs/{run['id']}/approvals/{asked['approvalId']}"
    error_of(office.api.post(path, json={"approved": "yes"}), 400)
    assert office.api.post(path, json={"approved": True}).json()["id"] == run["id"]


def test_delivery_is_listed_with_its_tries_and_sent_again(office: Office) -> None:
    body = {"url": "https://example.com/hook", "events": ["message.created"]}
    hook = office.people.post("/api/v1/webhooks", json=body).json()
    sent = office.people.post(f"/api/v1/webhooks/{hook['id']}/test")
    assert (sent.status_code, sent.json()["type"]) == (202, "ping")
    found = office.people.get("/api/v1/deliveries").json()["deliveries"]
    assert [one["id"] for one in found] == [sent.json()["id"]]
    whole = office.people.get(f"/api/v1/deliveries/{sent.json()['id']}").json()
    assert (whole["webhookId"], isinstance(whole["tries"], list)) == (hook["id"], True)
    for path in (f"/api/v1/deliveries/{whole['id']}/resend", f"/api/v1/webhooks/deliveries/{whole['id']}/resend"):
        assert office.people.post(path).status_code in (200, 409)


def test_single_file_is_looked_at_and_deleted(office: Office) -> None:
    made = office.api.post("/api/v1/knowledge-files", files={"file": ("hours.txt", b"We open at nine.")}).json()
    assert office.api.get(f"/api/v1/knowledge-files/{made['id']}").json()["name"] == "hours.txt"
    assert office.api.get(made["url"]).content == b"We open at nine."
    assert office.api.delete(f"/api/v1/knowledge-files/{made['id']}").status_code == 204
    error_of(office.api.get(f"/api/v1/knowledge-files/{made['id']}"), 404)


def test_news_are_streamed_to_visitor_and_inbox(office: Office) -> None:
    session = office.session()
    office.ask(session, "Hello")
    conversation = f"/api/v1/inbox/{session['conversationId']}"
    office.api.post(f"{conversation}/reply", json={"text": "I take over."})
    visitor = {"params": {**pair(session), "after": 0}}
    for path, options in (("/api/v1/chat/events", visitor), (f"{conversation}/events", {})):
        assert "I take over." in _first(office, path, "I take over.", headers={"Last-Event-ID": "0"}, **options)


def _first(office: Office, path: str, wanted: str, **options: Any) -> str:
    """Return a stream up to the line that holds what is wanted."""
    with office.api.stream("GET", path, **options) as answer:
        return next(line for line in answer.iter_lines() if wanted in line)
