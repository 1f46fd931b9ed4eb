"""Visitors: conversations, the stream, who may enter, what people say, and a browser without a key."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.contracts.site import Site, open_site
from tests.contracts.wisebot.office import Office, error_of, events_of, pair
from trivium.core.model.agents import ToolConfig
from trivium.core.model.budgets import Budget
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports import ToolResult
from trivium.core.services.visitors import MESSAGES_PER_MIN_MAX

Make = Callable[..., Office]
SESSION_FIELDS = {"contactSessionId", "conversationId", "threadId", "greetingMessage", "expiresAt", "status", "resumed"}


def _types(events: list[Any]) -> list[str]:
    return [event["type"] for event in events]


def test_conversation_is_opened_resumed_and_found(office: Office) -> None:
    first = office.session(name="Jane Doe")
    assert first.keys() >= SESSION_FIELDS
    assert (first["resumed"], first["status"]) == (False, "unresolved")
    again = office.session()
    assert again == {**first, "resumed": True}
    found = office.api.get("/api/v1/chat/sessions", params={"externalUserId": "user_42"}).json()
    assert found == {"session": again}
    fresh = office.session(forceNew=True)
    assert fresh["threadId"] != first["threadId"]
    error_of(office.api.get("/api/v1/chat/sessions", params={"externalUserId": "nobody"}), 404)
    error_of(office.api.get("/api/v1/chat/sessions"), 400)


def test_greeting_is_the_agents_own(office: Office, site: Site) -> None:
    agent = site.agent(office.organization_id, greeting="Hi, how can we help?")
    assert office.session(agentId=agent.id)["greetingMessage"] == "Hi, how can we help?"
    error_of(office.api.post("/api/v1/chat/sessions", json={"externalUserId": "x", "agentId": "nobody"}), 404)
    for body in ({}, {"externalUserId": ""}, {"externalUserId": 5}, {"externalUserId": "x", "forceNew": "maybe"}):
        error_of(office.api.post("/api/v1/chat/sessions", json=body), 400)


def test_twenty_callers_at_once_get_one_conversation(office: Office) -> None:
    with ThreadPoolExecutor(20) as pool:
        sessions = list(pool.map(lambda _: office.session("crowd"), range(20)))
    assert len({session["threadId"] for session in sessions}) == 1
    assert len({session["contactSessionId"] for session in sessions}) == 1
    assert [session["resumed"] for session in sessions].count(False) == 1


def test_answer_streams_from_start_to_finish(office: Office) -> None:
    session = office.session()
    events = office.ask(session, "You can return it.")
    types = _types(events)
    assert (types[0], types[-1], set(types)) == ("start", "finish", {"start", "text-delta", "finish"})
    assert events[0]["threadId"] == session["threadId"]
    assert events[0]["agentId"] == office.agent.id
    text = "".join(event["delta"] for event in events if event["type"] == "text-delta")
    assert all(event["delta"] == event["text"] for event in events if event["type"] == "text-delta")
    finish = events[-1]
    assert finish["fullText"] == text == "You can return it."
    assert finish["messageId"] == events[0]["messageId"]
    assert finish["usage"].keys() == {"inputTokens", "outputTokens"}
    assert finish["sources"] == []


def test_alias_path_is_the_same(office: Office) -> None:
    assert office.ask(office.session(), "Hi", path="/api/v1/chat/agent")[-1]["fullText"] == "Hi"


def test_tool_calls_and_failures_are_shown(site: Site, make_office: Make) -> None:
    site.tools.answers["weather"] = lambda given, _: ToolResult(output={"city": given["city"], "sky": "blue"})
    office = make_office({"tool_calls": [{"name": "weather", "input": {"city": "Rome"}}]}, {"text": "Blue."})
    settings = {**office.agent.settings, "hand_tools": ["weather"]}
    agent = office.agent.__class__(**{**office.agent.__dict__, "settings": settings})
    site.run(site.platform.store.write(lambda tx: tx.agents.put(agent)))
    events = office.ask(office.session(), "How is Rome?")
    shown = {event["type"]: event for event in events}
    assert shown["tool-call"]["input"] == {"city": "Rome"}
    assert shown["tool-result"]["output"] == {"city": "Rome", "sky": "blue"}
    assert shown["tool-result"]["isError"] is False
    assert shown["tool-call"]["toolCallId"] == shown["tool-result"]["toolCallId"]
    assert shown["finish"]["fullText"] == "Blue."


def test_stream_is_resumed_without_repeats(office: Office) -> None:
    session = office.session()
    body = {**pair(session), "prompt": "one two three four five"}
    answer = office.api.post("/api/chat/agent", json=body)
    ids = [int(line[4:]) for line in answer.text.splitlines() if line.startswith("id: ")]
    assert ids == sorted(set(ids))
    resumed = office.api.post(
        "/api/chat/agent", json=body, headers={"Last-Event-ID": str(ids[1]), "run-id": answer.headers["run-id"]}
    )
    again = [int(line[4:]) for line in resumed.text.splitlines() if line.startswith("id: ")]
    assert again == ids[2:]
    assert list(events_of(resumed.text))[-1] == list(events_of(answer.text))[-1]
    thread = office.api.get(f"/api/v1/inbox/{session['threadId']}").json()
    assert [one["role"] for one in thread["messages"]] == ["user", "assistant"]
    error_of(office.api.post("/api/chat/agent", json=body, headers={"Last-Event-ID": "x"}), 400)


@pytest.mark.parametrize("path", ["/api/chat/agent", "/api/v1/chat/regenerate"])
def test_stream_that_is_asked_for_twice_is_one_answer(office: Office, path: str) -> None:
    session = office.session()
    office.api.post("/api/chat/agent", json={**pair(session), "prompt": "Hello"})
    headers, body = {"Idempotency-Key": f"once{path}{session['threadId']}"}, {**pair(session), "prompt": "Again"}
    first, second = (office.api.post(path, json=body, headers=headers) for _ in range(2))
    assert first.headers["run-id"] == second.headers["run-id"]
    assert first.text == second.text
    headers["Last-Event-ID"] = "1"
    rest = office.api.post(path, json=body, headers=headers)
    assert list(events_of(rest.text)) == list(events_of(first.text))[1:]


def test_wrong_pairs_are_refused_before_the_first_byte(office: Office, site: Site, make_office: Make) -> None:
    session, other = office.session("a"), office.session("b")
    stranger = make_office()
    good = {**pair(session), "prompt": "x"}
    post = office.api.post
    error_of(post("/api/chat/agent", json={**good, "threadId": "7b1e5e53-0d0a-4b5c-8b0a-6a3d8b4b6c11"}), 404)
    error_of(post("/api/chat/agent", json={**good, "contactSessionId": other["contactSessionId"]}), 403)
    error_of(post("/api/chat/agent", json={**good, "contactSessionId": "no-such"}), 403)
    error_of(stranger.api.post("/api/chat/agent", json=good), 403)
    for body in ({}, {"prompt": "x"}, {**good, "prompt": ""}, {**good, "prompt": 5}, {**good, "prompt": "   "}):
        error_of(post("/api/chat/agent", json=body), 400)
    with site.client() as client:
        error_of(client.post("/api/chat/agent", json=good), 401)


def test_pass_expires_and_is_extended_by_use(office: Office) -> None:
    session = office.session()
    store = office.platform.store

    def set_rest(rest: timedelta) -> None:
        def unit(tx: Any) -> None:
            one = tx.visitor_passes.by_id(session["contactSessionId"])
            expires_at = office.platform.clock.now() + rest
            tx.visitor_passes.put(one.__class__(**{**one.__dict__, "expires_at": expires_at}))

        office.site.run(store.write(unit))

    set_rest(timedelta(hours=3))
    office.ask(session, "Hello")
    extended = office.session()
    assert extended["threadId"] == session["threadId"]
    assert extended["expiresAt"] > session["expiresAt"]
    set_rest(timedelta(seconds=-1))
    error_of(office.api.post("/api/chat/agent", json={**pair(session), "prompt": "x"}), 410)
    error_of(office.api.get("/api/v1/chat/sessions", params={"externalUserId": "user_42"}), 404)
    assert office.session()["threadId"] != session["threadId"]


def test_escalated_conversation_is_kept_for_a_person(office: Office) -> None:
    session = office.session()
    path = f"/api/v1/inbox/{session['threadId']}"
    office.ask(session, "Hello")
    assert office.people.post(f"{path}/status", json={"status": "escalated"}).json()["status"] == "escalated"
    events = office.ask(session, "Is anybody there?")
    assert _types(events) == ["start", "status", "finish"]
    assert (events[1]["status"], events[2]["fullText"]) == ("escalated", "")
    reply = office.people.post(f"{path}/reply", json={"text": "I am Ann, a person."})
    assert reply.status_code == 201
    messages = office.api.get("/api/v1/chat/messages", params=pair(session)).json()["messages"]
    assert [(one["role"], one["text"]) for one in messages[-2:]] == [
        ("user", "Is anybody there?"),
        ("human", "I am Ann, a person."),
    ]
    assert office.people.post(f"{path}/hand-back").json()["status"] == "unresolved"
    assert office.ask(session, "Thanks")[-1]["fullText"] == "Thanks"


def test_resolved_conversation_opens_again(office: Office) -> None:
    session = office.session()
    office.ask(session, "Hello")
    office.people.post(f"/api/v1/inbox/{session['threadId']}/status", json={"status": "resolved"})
    events = office.ask(session, "One more thing")
    assert [event.get("status") for event in events if event["type"] == "status"] == ["resolved", "unresolved"]
    assert events[-1]["fullText"] == ""
    assert office.ask(session, "Here?")[-1]["fullText"] == "Here?"


def test_what_a_person_says_reaches_the_visitor_as_a_stream(office: Office) -> None:
    session = office.session()
    office.ask(session, "Hello")
    seen: list[Any] = []
    ready = threading.Event()
    with office.api.stream("GET", "/api/v1/chat/events", params=pair(session)) as answer:

        def reply() -> None:
            ready.wait(10)
            office.people.post(f"/api/v1/inbox/{session['threadId']}/reply", json={"text": "Ann here"})

        thread = threading.Thread(target=reply)
        thread.start()
        for line in answer.iter_lines():
            if line.startswith("data:"):
                seen.append(json.loads(line[5:]))
                ready.set()
            if any(event["type"] == "status" and event["status"] == "escalated" for event in seen):
                break
        thread.join(10)
    assert _types(seen) == ["status", "message", "status"]
    assert (seen[1]["message"]["role"], seen[1]["message"]["text"]) == ("human", "Ann here")


def test_agent_hands_over_with_its_tool(site: Site, make_office: Make) -> None:
    call = {"name": "escalate_conversation", "input": {"reason": "asks for a person"}}
    office = make_office({"tool_calls": [call]}, {"text": "A person will help."}, tools=(ToolConfig(type="escalate"),))
    session = office.session()
    events = office.ask(session, "I want a person")
    assert [event["status"] for event in events if event["type"] == "status"] == ["escalated"]
    assert office.session()["status"] == "escalated"
    listed = office.people.get("/api/v1/inbox", params={"status": "escalated"}).json()["conversations"]
    assert [one["id"] for one in listed] == [session["threadId"]]
    assert office.people.get("/api/v1/inbox", params={"status": "resolved"}).json()["conversations"] == []
    error_of(office.people.get("/api/v1/inbox", params={"status": "odd"}), 400)


def test_frustrated_visitor_is_handed_over_where_that_is_configured(site: Site, make_office: Make) -> None:
    office = make_office(settings={"escalation": {"frustration": True}})
    session = office.session()
    assert office.ask(session, "Where is my order?")[-1]["fullText"] == "Where is my order?"
    events = office.ask(session, "THIS IS RIDICULOUS!!! I want a HUMAN")
    assert _types(events) == ["start", "status", "finish"]
    assert office.session()["status"] == "escalated"
    calm = make_office()
    assert calm.ask(calm.session(), "THIS IS RIDICULOUS!!!")[-1]["fullText"]


def test_answer_is_regenerated_edited_and_forked(office: Office) -> None:
    session = office.session()
    office.ask(session, "first")
    office.ask(session, "second")
    again = office.api.post("/api/v1/chat/regenerate", json=pair(session))
    assert list(events_of(again.text))[-1]["fullText"] == "second"
    messages = office.api.get("/api/v1/chat/messages", params=pair(session)).json()["messages"]
    assert [one["text"] for one in messages] == ["first", "first", "second", "second"]
    body = {**pair(session), "messageId": messages[0]["id"], "prompt": "changed"}
    edited = office.api.post("/api/v1/chat/edit", json=body)
    assert list(events_of(edited.text))[-1]["fullText"] == "changed"
    messages = office.api.get("/api/v1/chat/messages", params=pair(session)).json()["messages"]
    assert [one["text"] for one in messages] == ["changed", "changed"]
    fork = office.api.post("/api/v1/chat/fork", json={**pair(session), "messageId": messages[0]["id"]})
    assert fork.status_code == 201
    copied = office.api.get("/api/v1/chat/messages", params=pair(fork.json())).json()["messages"]
    assert [one["text"] for one in copied] == ["changed"]
    error_of(office.api.post("/api/v1/chat/edit", json={**pair(session), "messageId": "no", "prompt": "x"}), 404)


def test_feedback_is_kept_with_the_answer(office: Office) -> None:
    session = office.session()
    message_id = office.ask(session, "Hello")[-1]["messageId"]
    body = {**pair(session), "messageId": message_id, "rating": "up", "comment": "good"}
    assert office.api.post("/api/v1/chat/feedback", json=body).json()["feedback"]["rating"] == "up"
    messages = office.people.get(f"/api/v1/inbox/{session['threadId']}").json()["messages"]
    assert messages[1]["feedback"] == {"rating": "up", "comment": "good"}
    error_of(office.api.post("/api/v1/chat/feedback", json={**body, "rating": "meh"}), 400)
    error_of(office.api.post("/api/v1/chat/feedback", json={**body, "messageId": "nothing"}), 404)


def test_answer_is_stopped(site: Site, make_office: Make) -> None:
    office = make_office(model="scripted/tokens?count=400&delay_ms=20")
    session = office.session()
    with office.api.stream("POST", "/api/chat/agent", json={**pair(session), "prompt": "x"}) as answer:
        lines = answer.iter_lines()
        next(line for line in lines if "text-delta" in line)
        assert office.people.post("/api/v1/chat/stop", json=pair(session)).json()["stopped"] is True
        rest = [json.loads(line[5:]) for line in lines if line.startswith("data: {")]
    assert (rest[-1]["type"], rest[-1]["stopped"]) == ("finish", True)
    assert office.api.post("/api/v1/chat/stop", json=pair(session)).json() == {"stopped": False}


def test_tool_that_needs_approval_waits_for_a_person(site: Site, make_office: Make) -> None:
    site.tools.answers["approve_refund"] = lambda _, __: ToolResult(output="refunded")
    turns = ({"tool_calls": [{"name": "approve_refund", "input": {}}]}, {"text": "Done."})
    office = make_office(
        settings={"model_options": {"script": [*turns]}, "hand_tools": ["approve_refund"]},
        model="scripted/script",
    )
    session = office.session()
    answer = office.api.post("/api/chat/agent", json={**pair(session), "prompt": "refund me"})
    events = list(events_of(answer.text))
    asked = next(event for event in events if event["type"] == "approval-required")
    assert (asked["toolName"], "finish" in _types(events)) == ("approve_refund", False)
    path = f"/api/v1/chat/runs/{answer.headers['run-id']}/approvals/{asked['approvalId']}"
    error_of(office.api.post(path, json={}), 400)
    assert office.api.post(path, json={"approved": True}).status_code == 200
    last = [line[4:] for line in answer.text.splitlines() if line.startswith("id: ")][-1]
    headers = {"Last-Event-ID": last, "run-id": answer.headers["run-id"]}
    rest = office.api.post("/api/chat/agent", json={**pair(session), "prompt": "refund me"}, headers=headers)
    assert list(events_of(rest.text))[-1]["fullText"] == "Done."


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder: Path = tmp_path_factory.mktemp("shop")
    with open_site(folder, widget_origins=("https://shop.example",)) as site:
        office = Office(site)
        yield office
        office.close()


def _browse(
    shop: Office, method: str, path: str, origin: str = "https://shop.example", **options: Any
) -> httpx2.Response:
    with shop.site.client(Origin=origin) as client:
        return client.request(method, path, **options)


def test_browser_of_an_allowed_site_chats_without_a_key(shop: Office) -> None:
    session = shop.session()
    body = {**pair(session), "prompt": "Hello"}
    answer = _browse(shop, "POST", "/api/chat/agent", json=body)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert list(events_of(answer.text))[-1]["fullText"] == "Hello"
    error_of(_browse(shop, "POST", "/api/chat/agent", "https://evil.example", json=body), 401)
    error_of(_browse(shop, "POST", "/api/chat/agent", "null", json=body), 401)
    error_of(_browse(shop, "POST", "/api/chat/agent", "https://[shop.example", json=body), 401)
    wrong = {**body, "contactSessionId": shop.session("other")["contactSessionId"]}
    refused = _browse(shop, "POST", "/api/chat/agent", json=wrong)
    error_of(refused, 403)
    assert refused.headers["access-control-allow-origin"] == "https://shop.example"


def test_cors_is_for_the_chat_paths_and_allowed_sites_only(shop: Office) -> None:
    preflight = {"Access-Control-Request-Method": "POST"}
    good = _browse(shop, "OPTIONS", "/api/chat/agent", headers=preflight)
    assert (good.status_code, good.headers["access-control-allow-origin"]) == (204, "https://shop.example")
    for path, origin in (
        ("/api/chat/agent", "https://evil.example"),
        ("/api/v1/agents", "https://shop.example"),
        ("/api/v1/inbox", "https://shop.example"),
        ("/workflows/trigger", "https://shop.example"),
    ):
        answer = _browse(shop, "OPTIONS", path, origin, headers=preflight)
        assert "access-control-allow-origin" not in answer.headers, path
    error_of(_browse(shop, "POST", "/api/v1/chat/sessions", json={"externalUserId": "x"}), 401)


def test_one_visitor_cannot_ask_without_end(office: Office) -> None:
    session, other = office.session("busy"), office.session("calm")
    body = {**pair(session), "prompt": "x"}
    statuses = [office.api.post("/api/chat/agent", json=body).status_code for _ in range(MESSAGES_PER_MIN_MAX)]
    assert set(statuses) == {200}
    refused = office.api.post("/api/chat/agent", json=body)
    error_of(refused, 429)
    assert int(refused.headers["Retry-After"]) > 0
    assert office.ask(other, "Hello")[-1]["fullText"] == "Hello"


def test_key_for_other_agents_may_not_talk_here(office: Office, site: Site) -> None:
    other = site.agent(office.organization_id)
    key = site.key(office.organization_id, "wisebot", agent_ids=[other.id])
    session = office.session()
    with site.client(Authorization=f"Bearer {key}") as client:
        error_of(client.post("/api/chat/agent", json={**pair(session), "prompt": "x"}), 403)
        error_of(client.post("/api/v1/chat/sessions", json={"externalUserId": "x", "agentId": office.agent.id}), 403)
        found = {"externalUserId": "user_42"}
        error_of(client.get("/api/v1/chat/sessions", params=found), 404)
        error_of(client.get("/api/v1/chat/sessions", params={**found, "agentId": office.agent.id}), 403)
        assert client.post("/api/v1/chat/sessions", json=found).json()["agentId"] == other.id


def test_key_for_other_agents_reaches_nothing_else_of_the_organization(office: Office, site: Site) -> None:
    other = site.agent(office.organization_id)
    key = site.key(office.organization_id, "wisebot", agent_ids=[other.id])
    office.ask(office.session(), "Hello")
    (run,) = office.api.get("/api/v1/agent-runs").json()["runs"]
    with site.client(Authorization=f"Bearer {key}") as client:
        for path in ("agents", f"agents/{office.agent.id}/secrets", "inbox", "bookings", "agent-runs", "flows"):
            assert error_of(client.get(f"/api/v1/{path}"), 403)["code"] == "agent_not_allowed", path
        error_of(client.patch(f"/api/v1/agents/{office.agent.id}", json={"name": "Mine"}), 403)
        decision = f"/api/v1/chat/runs/{run['id']}/approvals/x"
        error_of(client.post(decision, json={"approved": True}), 403)


@pytest.mark.parametrize("path", ["regenerate", "edit"])
def test_who_may_not_ask_again_keeps_what_was_said(office: Office, path: str) -> None:
    session = office.session()
    office.ask(session, "Hello")
    before = office.api.get("/api/v1/chat/messages", params=pair(session)).json()
    budgets = {"agent": [{"requestsMax": 1}]}
    assert office.people.patch(f"/api/v1/agents/{office.agent.id}", json={"budgets": budgets}).status_code == 200
    body = {**pair(session), "messageId": before["messages"][0]["id"], "prompt": "Hi"}
    error_of(office.api.post(f"/api/v1/chat/{path}", json=body), 429)
    assert office.api.get("/api/v1/chat/messages", params=pair(session)).json() == before


def test_a_visitor_whose_budget_is_used_up_gets_no_answer(office: Office) -> None:
    path = f"/api/v1/agents/{office.agent.id}"
    twice: JSON = [{"tokensMax": 1}, {"tokensMax": 2}]
    invalid: list[JSONObject] = [{"visitor": twice}, {"agent": [{"requestsMax": -1}]}, {"key": []}]
    for wrong in invalid:
        error_of(office.people.patch(path, json={"budgets": wrong}), 400)
    assert office.people.patch(path, json={"budgets": {"visitor": [{"requestsMax": 1}]}}).status_code == 200
    first, second = office.session("ann"), office.session("bob")
    office.ask(first, "Hello")
    refused = office.api.post("/api/chat/agent", json={**pair(first), "prompt": "Again"})
    body = error_of(refused, 429)
    assert (body["code"], body["details"]["budget"], body["details"]["max"]) == ("budget_exceeded", "visitor", 1)
    assert 0 < int(refused.headers["Retry-After"]) <= 86_401
    office.ask(second, "Hello")
    office.people.patch(path, json={"budgets": {}})
    office.ask(first, "Again")


def test_a_chat_counts_for_the_key_that_opened_it(shop: Office) -> None:
    secret = shop.site.key(shop.organization_id, "wisebot", budgets=(Budget(requests_max=2),))
    with shop.site.client(Authorization=f"Bearer {secret}") as api:
        session = api.post("/api/v1/chat/sessions", json={"externalUserId": "budgeted"}).json()
        message = {**pair(session), "prompt": "Hello"}
        assert api.post("/api/chat/agent", json=message).status_code == 200
        shop.ask(session, "This counts for the other key, which asks")
        # With the pair alone, as a browser has it.
        assert _browse(shop, "POST", "/api/chat/agent", json=message).status_code == 200
        for refused in (
            _browse(shop, "POST", "/api/chat/agent", json=message),
            api.post("/api/chat/agent", json=message),
        ):
            body = error_of(refused, 429)
            assert (body["code"], body["details"]["budget"], body["details"]["used"]) == ("budget_exceeded", "key", 2)


def test_an_agent_tells_what_is_used_of_its_budgets(office: Office) -> None:
    path = f"/api/v1/agents/{office.agent.id}"
    assert "budgetUse" not in office.api.get(path).json()
    assert office.people.patch(path, json={"budgets": {"agent": [{"tokensMax": 10**6}]}}).status_code == 200
    office.ask(office.session("counted"), "Hello")
    (used,) = office.api.get(path).json()["budgetUse"]
    assert (used["period"], used["tokensMax"], used["requestsMax"]) == ("day", 10**6, None)
    assert used["requestsUsed"] >= 1
    assert used["tokensUsed"] > 0
    office.people.patch(path, json={"budgets": {}})
