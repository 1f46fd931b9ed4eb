"""Asking the agent as a stream, leaving it, coming back (section 3.2)."""

import pytest

from tests.contracts.site import Site
from tests.contracts.wabee.client import events_of, typed, wabee
from trivium.core.ports import ToolResult

pytestmark = pytest.mark.server
TEXT = " ".join(f"word{number}" for number in range(40))


@pytest.mark.parametrize("path", ["/core/v1/chain_streaming", "/core/v1/chain_streamming"])
def test_the_stream_joins_to_the_answer_under_both_names(site: Site, path: str) -> None:
    with wabee(site, {"text": TEXT}) as plant:
        answer = plant.stream(path=path, headers={"session-id": "s", "request-id": "r"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (answer.headers["session-id"], answer.headers["request-id"]) == ("s", "r")
    pieces = events_of(answer.text)
    assert typed(pieces) == TEXT
    assert {piece["id"] for _, piece in pieces} == {"r"}
    assert pieces[0][1]["agent_step"] == "STARTING"
    assert [piece["finish_reason"] for _, piece in pieces][-2:] == ["null", "stop"]
    assert pieces[-1][1]["usage"][0]["unit"] == "tokens"
    assert pieces[1][1]["source_name"] == "Plant agent"


def test_a_failure_before_the_first_event_is_a_status_and_after_it_an_event(site: Site) -> None:
    with wabee(site, {"text": "half ", "error": {"code": "upstream_failed", "message": "The model is down."}}) as plant:
        assert plant.http.post("/core/v1/chain_streaming", json={"messages": []}).status_code == 422
        pieces = events_of(plant.stream().text)
    assert typed(pieces) == "half "
    assert (pieces[-1][1]["finish_reason"], pieces[-1][1]["token"]) == ("error", "The model is down.")


def test_one_conversation_goes_on_across_both_operations(site: Site) -> None:
    with wabee(site) as plant:
        plant.ask("first", headers={"session-id": "s"})
        plant.stream("second", headers={"session-id": "s"})
        plant.ask("third", headers={"session-id": "s"})
        messages = plant.http.get("/core/v1/sessions/s").json()["messages"]
    assert [m["content"] for m in messages if m["role"] == "human"] == ["first", "second", "third"]


@pytest.mark.parametrize("how", ["request", "session", "run", "run in id"])
def test_a_reader_that_comes_back_gets_what_it_has_not_seen(site: Site, how: str) -> None:
    with wabee(site, {"text": TEXT, "tool_calls": [{"name": "look"}]}, {"text": "done"}) as plant:
        site.tools.answers["look"] = lambda *_: ToolResult(output="seen")
        plant.use("look")
        first = plant.stream(headers={"session-id": "s", "request-id": "r"})
        whole = events_of(first.text)
        for seen in (1, len(whole) // 2, len(whole) - 1):
            last = whole[seen - 1][0]
            run_id = first.headers["run-id"]
            headers = {
                "request": {"session-id": "s", "request-id": "r", "Last-Event-ID": last},
                "session": {"session-id": "s", "Last-Event-ID": last},
                "run": {"run-id": run_id, "Last-Event-ID": last},
                "run in id": {"Last-Event-ID": f"{run_id}:{last}"},
            }[how]
            again = plant.stream(headers=headers)
            assert again.headers["run-id"] == run_id
            assert events_of(again.text) == whole[seen:]


def test_a_stream_can_be_left_and_taken_up_while_it_goes_on(site: Site) -> None:
    with wabee(site, model="scripted/tokens?count=30&delay_ms=10") as plant:
        body = {"messages": [{"role": "user", "content": "go"}]}
        headers = {"session-id": "s", "request-id": "r"}
        with plant.http.stream("POST", "/core/v1/chain_streaming", json=body, headers=headers) as left:
            raw = ""
            for chunk in left.iter_text():
                raw += chunk
                if raw.count("TYPING_TEXT") >= 2:
                    break
        seen = events_of(raw[: raw.rindex("\n\n")])
        rest = events_of(plant.stream(headers={**headers, "Last-Event-ID": seen[-1][0]}).text)
        stored = plant.http.get("/core/v1/sessions/s").json()["messages"][-1]["content"]
    assert typed(seen) + typed(rest) == stored
    assert len(stored.split()) == 30


def test_a_foreign_or_unknown_position_is_refused(site: Site) -> None:
    with wabee(site) as plant, wabee(site) as other:
        run_id = other.stream(headers={"session-id": "s"}).headers["run-id"]
        for headers, status in (
            ({"Last-Event-ID": "nonsense"}, 400),
            ({"Last-Event-ID": "1", "session-id": "never"}, 404),
            ({"Last-Event-ID": "1", "run-id": run_id}, 404),
            ({"Last-Event-ID": "1", "session-id": "s"}, 404),
        ):
            answer = plant.stream(headers=headers)
            assert (answer.status_code, answer.json()["status_code"]) == (status, status)


def test_long_texts_arrive_in_lines_the_client_can_hold(site: Site) -> None:
    long = '\u00e4\n"' * 60_000
    with wabee(site, {"text": long}) as plant:
        pieces = events_of(plant.stream().text)
    assert typed(pieces) == long


def test_delegated_work_names_its_source_and_is_no_part_of_the_answer(site: Site) -> None:
    turns = ({"tool_calls": [{"name": "delegate_to_research", "input": {"task": "Look it up"}}]}, {"text": "Plant 7."})
    with wabee(site, *turns) as plant:
        helper = {"name": "Research", "description": "Collects facts", "objective": "Find them"}
        made = plant.http.post("/core/v1/chain/sub_agents", json=helper).json()
        pieces = events_of(plant.stream(headers={"session-id": "s"}).text)
        trace = plant.http.get("/core/v1/sessions/s/trace").json()
        info = plant.http.get(f"/core/v1/chain/sub_agents/{made['sub_agent_id']}").json()["sub_agent_info"]
    handed = [piece for _, piece in pieces if piece["agent_step"] == "TASK_DELEGATION"]
    assert [(piece["token"], piece["source_type"]) for piece in handed] == [("Look it up", "sub_agent")]
    assert (handed[0]["source_id"], handed[0]["source_name"]) == (made["sub_agent_id"], "Research")
    said = [piece for _, piece in pieces if piece["agent_step"] == "DELEGATING"]
    assert {piece["source_name"] for piece in said} == {"Research"}
    assert typed(pieces) == "Plant 7."
    assert "TASK_DELEGATION" in [step["type"] for step in trace["requests"][0]["steps"]]
    assert info["status"] == "ready"
