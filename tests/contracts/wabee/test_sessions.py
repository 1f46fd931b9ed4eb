"""Conversations as they are listed, read, traced and deleted (section 6)."""

import threading
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.contracts.site import Site
from tests.contracts.wabee.client import Wabee, wabee
from tests.contracts.wabee.test_access import check_envelope
from trivium.core.ports import ToolResult

pytestmark = pytest.mark.server
SESSION = {"session_id", "checkpoint_id", "short_name", "created_at", "updated_at", "status", "metadata"}


@pytest.fixture
def plant(site: Site) -> Iterator[Wabee]:
    site.tools.answers["csv_search"] = lambda *_: ToolResult(output={"rows": 1})
    turns = (
        {"text": "Let me see.", "tool_calls": [{"name": "csv_search", "input": {"query": "May"}}]},
        {"text": "Plant 7."},
    )
    with wabee(site, *turns) as opened:
        opened.use("csv_search")
        yield opened


def test_the_list_is_newest_first_and_pages_by_before(site: Site) -> None:
    with wabee(site) as plant:
        for number in range(5):
            plant.ask(f"Question {number}", headers={"session-id": f"s{number}"})
        first = plant.http.get("/core/v1/sessions", params={"limit": 2}).json()
        second = plant.http.get("/core/v1/sessions", params={"limit": 3, "before": "s3"}).json()
    assert [one["session_id"] for one in first["sessions"]] == ["s4", "s3"]
    assert (first["has_more"], first["total"]) == (True, 5)
    assert [one["session_id"] for one in second["sessions"]] == ["s2", "s1", "s0"]
    assert second["has_more"] is False
    for one in first["sessions"]:
        assert one.keys() == SESSION
        assert all(isinstance(one[name], str) for name in SESSION - {"metadata"})
        assert datetime.fromisoformat(one["created_at"]).tzinfo is not None
    assert first["sessions"][0]["short_name"] == "Question 4"


def test_ten_are_listed_when_no_limit_is_given(site: Site) -> None:
    with wabee(site) as plant:
        for number in range(11):
            plant.ask(headers={"session-id": f"s{number}"})
        assert len(plant.http.get("/core/v1/sessions").json()["sessions"]) == 10


def test_a_conversation_is_read_in_both_shapes(plant: Wabee) -> None:
    plant.ask("Which plant?", headers={"session-id": "s"})
    detail = plant.http.get("/core/v1/sessions/s").json()
    assert detail.keys() == SESSION | {"messages", "events"}
    human, ai = detail["messages"]
    assert (human["role"], human["content"], human["additional_context"]) == ("human", "Which plant?", None)
    assert (ai["role"], ai["content"]) == ("ai", "Let me see.\n\nPlant 7.")
    assert ai["additional_context"]["steps"][0]["tool"] == "csv_search"
    assert isinstance(human["timestamp"], float)
    assert human["timestamp"] == pytest.approx(datetime.fromisoformat(detail["created_at"]).timestamp(), abs=60)
    for event in detail["events"]:
        assert event.keys() == {"id", "type", "timestamp", "content", "metadata"}
        assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None
    assert [event["type"] for event in detail["events"]] == [
        *("USER_MESSAGE", "PLANNING", "TOOL_CALLING", "TOOL_FEEDBACK", "PLANNING", "TYPING_TEXT"),
    ]
    assert detail["status"] == "completed"


def test_a_trace_tells_each_request_step_by_step(plant: Wabee) -> None:
    plant.ask("Which plant?", headers={"session-id": "s", "request-id": "r1"})
    plant.ask("And now?", headers={"session-id": "s", "request-id": "r2"})
    trace = plant.http.get("/core/v1/sessions/s/trace").json()
    assert trace.keys() == {"session_id", "execution_summary", "requests", "user_messages", "errors"}
    summary = trace["execution_summary"]
    assert {name: summary[name] for name in ("status", "total_requests", "total_tool_calls")} == {
        "status": "completed",
        "total_requests": 2,
        "total_tool_calls": 2,
    }
    assert all(type(summary[name]) is int for name in ("duration_ms", "total_steps", "total_events"))
    first = trace["requests"][0]
    assert (first["request_id"], first["user_input"], first["status"]) == ("r1", "Which plant?", "completed")
    assert [step["type"] for step in first["steps"]] == ["PLANNING", "TOOL_CALLING", "PLANNING", "TYPING_TEXT"]
    tool = first["steps"][1]["tool"]
    assert (tool["name"], tool["input"], tool["output"], tool["status"]) == (
        "csv_search",
        {"query": "May"},
        '{"rows":1}',
        "success",
    )
    assert all(type(step["duration_ms"]) in (int, type(None)) for step in first["steps"])
    assert trace["user_messages"] == [{"role": "user", "content": text} for text in ("Which plant?", "And now?")]


def test_a_trace_is_filtered_by_request_and_cut_to_length(plant: Wabee) -> None:
    plant.ask("Which plant?", headers={"session-id": "s", "request-id": "r1"})
    plant.ask("And now?", headers={"session-id": "s", "request-id": "r2"})
    params = {"request_id": "r2", "max_content_length": "3"}
    trace = plant.http.get("/core/v1/sessions/s/trace", params=params).json()
    assert [request["request_id"] for request in trace["requests"]] == ["r2"]
    assert trace["requests"][0]["user_input"] == "And…"
    assert trace["requests"][0]["steps"][-1]["content"] == "Let…"


def test_a_failed_request_shows_in_the_trace(site: Site) -> None:
    with wabee(site, {"error": {"code": "upstream_failed", "message": "The model is down."}}) as plant:
        plant.ask(headers={"session-id": "s"})
        trace = plant.http.get("/core/v1/sessions/s/trace").json()
        detail = plant.http.get("/core/v1/sessions/s").json()
    assert trace["execution_summary"]["status"] == detail["status"] == "failed"
    assert trace["requests"][0]["error_message"] == "The model is down."
    assert trace["errors"][0]["message"] == "The model is down."


def test_a_deleted_conversation_is_gone_and_its_name_free(plant: Wabee) -> None:
    plant.ask(headers={"session-id": "s"})
    assert plant.http.delete("/core/v1/sessions/s").status_code == 204
    check_envelope(plant.http.get("/core/v1/sessions/s"), 404)
    check_envelope(plant.http.delete("/core/v1/sessions/s"), 404)
    plant.ask("Again", headers={"session-id": "s"})
    assert len(plant.http.get("/core/v1/sessions/s").json()["messages"]) == 2


def test_what_is_answered_now_is_listed_as_active(site: Site) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait(*_: object) -> ToolResult:
        begun.set()
        go_on.wait(20)
        return ToolResult(output="x")

    site.tools.blocking["wait"] = wait
    with wabee(site, {"tool_calls": [{"name": "wait"}]}, {"text": "done"}) as plant:
        plant.use("wait")
        assert plant.http.get("/core/v1/sessions/streams/active").json() == []
        asking = threading.Thread(target=plant.ask, kwargs={"headers": {"session-id": "s"}})
        asking.start()
        assert begun.wait(20)
        (active,) = plant.http.get("/core/v1/sessions/streams/active").json()
        go_on.set()
        asking.join(20)
        assert plant.http.get("/core/v1/sessions/streams/active").json() == []
    assert active.keys() == SESSION
    assert (active["session_id"], active["status"]) == ("s", "running")
