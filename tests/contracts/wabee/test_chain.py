"""Asking the agent in one piece, on a real server (section 3.1)."""

import re
from collections.abc import Iterator

import pytest

from tests.contracts.site import Site
from tests.contracts.wabee.client import Wabee, wabee
from trivium.core.ports import ToolContext, ToolResult

pytestmark = pytest.mark.server
BODY = {"messages": [{"role": "user", "content": "Which plant missed its target?"}]}
ANSWER = "Plant 7 missed it by 4 percent."


@pytest.fixture(scope="module")
def plant(site: Site) -> Iterator[Wabee]:
    with wabee(site, {"text": ANSWER}) as opened:
        yield opened


def test_chain_answers_with_the_union_of_both_shapes(plant: Wabee) -> None:
    answer = plant.http.post("/core/v1/chain", json=BODY, headers={"session-id": "s-1", "request-id": "r-1"})
    assert answer.status_code == 200
    data = answer.json()
    assert data.keys() == {"body", "output", "session_id", "request_id"}
    assert data["body"].keys() == {"input", "output", "intermediate_steps", "usage"}
    assert data["body"]["input"] == "Which plant missed its target?"
    assert data["body"]["output"] == data["output"] == ANSWER
    assert data["body"]["usage"][0].keys() == {"costAttribute", "usage", "unit"}
    assert (data["session_id"], data["request_id"]) == ("s-1", "r-1")
    assert (answer.headers["session-id"], answer.headers["request-id"]) == ("s-1", "r-1")


def test_names_are_made_up_where_none_are_given(plant: Wabee) -> None:
    answer = plant.http.post("/core/v1/chain", json=BODY, headers={"session-id": ""})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.json()["session_id"])
    assert answer.json()["request_id"] == answer.headers["request-id"] == answer.headers["x-request-id"]


def test_the_header_wins_over_the_body_and_the_body_over_nothing(plant: Wabee) -> None:
    body = {**BODY, "session_id": "in-body", "stream": True, "something": "new"}
    assert plant.http.post("/core/v1/chain", json=body).json()["session_id"] == "in-body"
    named = plant.http.post("/core/v1/chain", json=body, headers={"session-id": "in-header"})
    assert named.json()["session_id"] == "in-header"


def test_names_from_the_body_cannot_break_headers(plant: Wabee) -> None:
    answer = plant.http.post("/core/v1/chain", json={**BODY, "session_id": "Ärger 会話"})
    assert answer.json()["session_id"] == "Ärger 会話"
    assert answer.headers["session-id"] == "?rger ??"
    broken = plant.http.post("/core/v1/chain", json={**BODY, "session_id": "a\r\nset-cookie: b"})
    assert broken.status_code == 400
    assert "set-cookie" not in broken.headers


def test_tools_show_as_intermediate_steps(site: Site) -> None:
    site.tools.answers["csv_search"] = lambda given, _: ToolResult(output={"rows": 1, "for": given["query"]})
    turns = ({"tool_calls": [{"name": "csv_search", "input": {"query": "May"}}]}, {"text": "Plant 7."})
    with wabee(site, *turns) as plant:
        plant.use("csv_search")
        steps = plant.ask().json()["body"]["intermediate_steps"]
    assert steps == [
        {
            "tool": "csv_search",
            "tool_input": {"query": "May"},
            "log": '{"rows":1,"for":"May"}',
            "type": "AgentAction",
        }
    ]


def test_stix_headers_and_filter_hints_reach_the_tool(site: Site) -> None:
    seen = []

    def answer(_: object, context: ToolContext) -> ToolResult:
        seen.append(context)
        return ToolResult(output="ok")

    site.tools.answers["bubble_data"] = answer
    with wabee(site, {"tool_calls": [{"name": "bubble_data"}]}, {"text": "done"}) as plant:
        plant.use("bubble_data")
        hints = [
            {"tool_name": "bubble_data", "filter_key": "unitname", "filter_value": "Unit 1", "filter_type": "equals"},
            {"tool_name": "bubble_data", "filter_key": "level", "filter_value": 3},
            {"tool_name": "other", "filter_key": "x", "filter_value": True},
        ]
        headers = {"stix-tenant": "t1", "STIX_user": "u1", "other": "x"}
        plant.http.post("/core/v1/chain", json={**BODY, "data_filter_hints": hints}, headers=headers)
    (context,) = seen
    assert context.headers == {"stix-tenant": "t1", "stix_user": "u1"}
    assert [(h.key, h.value, h.operator) for h in context.filter_hints] == [
        ("unitname", "Unit 1", "equals"),
        ("level", 3, "equals"),
    ]


def test_the_budget_bounds_the_steps(site: Site) -> None:
    site.tools.answers["again"] = lambda *_: ToolResult(output="more")
    turns = [{"tool_calls": [{"name": "again"}]}] * 5
    with wabee(site, *turns, {"text": "done"}) as plant:
        plant.use("again")
        answer = plant.http.post("/core/v1/chain", json={**BODY, "budget": {"local_recursion_limit": 2}})
        assert plant.ask().json()["output"] == "done"
    assert answer.status_code == 400
    assert answer.json()["details"]["reason"] == "step_limit"


def test_earlier_messages_are_the_history_of_a_new_conversation_only(site: Site) -> None:
    history = [
        {"role": "human", "content": "I am Ada."},
        {"role": "ai", "content": "Hello Ada."},
        {"role": "user", "content": "Who am I?"},
    ]
    with wabee(site) as plant:
        for _ in range(2):
            plant.http.post("/core/v1/chain", json={"messages": history}, headers={"session-id": "h"})
        detail = plant.http.get("/core/v1/sessions/h").json()
    said = [(message["role"], message["content"]) for message in detail["messages"]]
    assert said == [
        ("human", "I am Ada."),
        ("ai", "Hello Ada."),
        ("human", "Who am I?"),
        ("ai", "Who am I?"),
        ("human", "Who am I?"),
        ("ai", "Who am I?"),
    ]


@pytest.mark.parametrize(
    ("turn", "status"),
    [
        ({"text": "half", "error": {"code": "upstream_failed", "message": "The model is down."}}, 502),
        ({"error": {"code": "model_timeout", "message": "The model took too long."}}, 504),
    ],
)
def test_a_failed_run_is_an_error_with_its_names(site: Site, turn: dict, status: int) -> None:
    with wabee(site, turn) as plant:
        answer = plant.ask(headers={"session-id": "s", "request-id": "r"})
    body = answer.json()
    assert (answer.status_code, body["status_code"], body["code"]) == (status, status, status)
    assert (body["details"]["session_id"], body["details"]["request_id"]) == ("s", "r")
    assert body["detail"] == body["body"] == turn["error"]["message"]


def test_a_call_that_waits_for_approval_is_accepted_without_an_answer(site: Site) -> None:
    with wabee(site, {"tool_calls": [{"name": "approve_payment"}]}, {"text": "paid"}) as plant:
        plant.use("approve_payment")
        answer = plant.ask()
    assert (answer.status_code, answer.json()["output"]) == (202, "")
