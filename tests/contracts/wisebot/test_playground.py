"""The playground: asked now, looked up later."""

import time
from typing import Any

from tests.contracts.wisebot.office import Office, error_of


def _ended(office: Office, run_id: str) -> Any:
    deadline = time.monotonic() + 20
    while (run := office.people.get(f"/api/v1/playground/runs/{run_id}").json())["status"] in ("queued", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return run


def test_question_is_taken_and_answered_later(office: Office) -> None:
    body = {"agentId": office.agent.id, "prompt": "Hello"}
    answer = office.people.post("/api/v1/playground/messages", json=body)
    assert answer.status_code == 202
    taken = answer.json()
    assert (taken["status"], taken.keys()) == ("queued", {"runId", "sessionId", "status"})
    run = _ended(office, taken["runId"])
    assert run == {
        "runId": taken["runId"],
        "sessionId": taken["sessionId"],
        "status": "succeeded",
        "text": "Hello",
        "toolCalls": [],
        "error": None,
    }
    more = office.people.post("/api/v1/playground/messages", json={**body, "sessionId": taken["sessionId"]}).json()
    assert more["sessionId"] == taken["sessionId"]
    _ended(office, more["runId"])
    messages = office.people.get(f"/api/v1/playground/sessions/{taken['sessionId']}").json()["messages"]
    assert [one["role"] for one in messages] == ["user", "assistant"] * 2


def test_sessions_are_listed_and_deleted(office: Office) -> None:
    body = {"agentId": office.agent.id, "prompt": "Hello"}
    taken = office.people.post("/api/v1/playground/messages", json=body).json()
    _ended(office, taken["runId"])
    path = f"/api/v1/playground/sessions/{taken['sessionId']}"
    listed = office.people.get("/api/v1/playground/sessions").json()["sessions"]
    assert [one["sessionId"] for one in listed] == [taken["sessionId"]]
    assert office.people.delete(path).status_code == 204
    error_of(office.people.get(path), 404)
    error_of(office.people.post("/api/v1/playground/messages", json={"agentId": "nobody", "prompt": "x"}), 404)
    error_of(office.people.post("/api/v1/playground/messages", json={"prompt": "x"}), 400)


def test_visitors_conversations_are_not_the_playgrounds(office: Office) -> None:
    session = office.session()
    office.ask(session, "Hello")
    error_of(office.people.get(f"/api/v1/playground/sessions/{session['threadId']}"), 404)
    error_of(office.people.delete(f"/api/v1/playground/sessions/{session['threadId']}"), 404)
