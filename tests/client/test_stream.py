"""Streams that break go on where they stopped, in both colours."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.client.conftest import collected, settled
from tests.client.misbehaving import Asked, Reply, Server, answer, events, misbehaving
from trivium_client import (
    AsyncWabee,
    AsyncWisebot,
    Conflict,
    InvalidAnswer,
    NotPermitted,
    RunFailed,
    StreamBroken,
    Wabee,
    Wisebot,
)

ANSWER = ["You ", "may ", "return ", "it ", "within ", "30 ", "days."]


def step(text: str) -> dict[str, object]:
    return {"id": "r", "token": text, "agent_step": "TYPING_TEXT", "finish_reason": "null", "timestamp": 1}


END = {"id": "r", "token": "", "agent_step": "END", "finish_reason": "stop", "timestamp": 2}
NUMBERED = [*((number, step(text)) for number, text in enumerate(ANSWER, 1)), (len(ANSWER) + 1, END)]


@pytest.fixture(params=[Wabee, AsyncWabee])
async def wabee(request, server: Server):
    client = request.param("key", f"{server.url}/core/v1/")
    yield client
    await settled(client.close())


@pytest.fixture(params=[Wisebot, AsyncWisebot])
async def wisebot(request, server: Server):
    client = request.param("wb_live_1", server.url)
    yield client
    await settled(client.close())


async def test_events_are_typed_and_end(server: Server, wabee) -> None:
    server.will(events(*NUMBERED, run_id="run_1"))
    stream = wabee.chain_streaming("How long?")
    found = await collected(stream)
    assert [event.text for event in found] == [*ANSWER, ""]
    assert found[-1].is_final
    assert stream.run_id == "run_1"
    assert server.asked[0].json() == {"messages": [{"role": "user", "content": "How long?"}]}


async def test_cut_stream_goes_on(server: Server, wabee) -> None:
    server.will(events(*NUMBERED[:3], cut=True, run_id="run_1"), events(*NUMBERED[3:], run_id="run_1"))
    stream = wabee.chain_streaming("How long?", session_id="s1")
    assert await settled(stream.text()) == "".join(ANSWER)
    first, second = server.asked
    assert (second.headers["last-event-id"], second.headers["run-id"]) == ("3", "run_1")
    assert first.headers["request-id"] == second.headers["request-id"]
    assert first.body == second.body
    assert stream.resumes == 1


async def test_repeated_events_are_dropped(server: Server, wabee) -> None:
    server.will(events(*NUMBERED[:4], cut=True, run_id="run_1"), events(*NUMBERED, run_id="run_1"))
    assert await settled(wabee.chain_streaming("How long?").text()) == "".join(ANSWER)


async def test_stream_that_ends_without_its_last_event_goes_on(server: Server, wabee) -> None:
    server.will(events(*NUMBERED[:3], run_id="run_1"), events(*NUMBERED[3:], run_id="run_1"))
    assert await settled(wabee.chain_streaming("How long?").text()) == "".join(ANSWER)


async def test_silent_stream_is_opened_again(server: Server, wabee) -> None:
    silent = events(*NUMBERED[:3], run_id="run_1")
    server.will(Reply(body=silent.body, headers=silent.headers, stalls=True), events(*NUMBERED[3:], run_id="run_1"))
    stream = wabee.chain_streaming("How long?", timeout=0.1)
    assert await settled(stream.text()) == "".join(ANSWER)
    assert stream.resumes == 1


async def test_trouble_between_two_connections_is_waited_for(server: Server, wabee) -> None:
    server.will(
        events(*NUMBERED[:3], cut=True, run_id="run_1"),
        Reply(cut_before_status=True),
        answer({"body": "restarting", "status_code": 503}, 503),
        answer({"body": "slow down", "status_code": 429}, 429, retry_after="0.01"),
        events(*NUMBERED[3:], run_id="run_1"),
    )
    assert await settled(wabee.chain_streaming("How long?").text()) == "".join(ANSWER)


async def test_stream_without_progress_gives_up(server: Server, wabee) -> None:
    server.will(events(*NUMBERED[:3], cut=True, run_id="run_1"))
    with pytest.raises(StreamBroken) as caught:
        await collected(wabee.chain_streaming("How long?"))
    assert caught.value.last_event_id == "3"
    assert len(server.asked) == 1 + 8


async def test_server_that_cannot_resume_is_not_asked_twice(server: Server, wabee) -> None:
    body = b'data: {"token": "Yo", "agent_step": "TYPING_TEXT", "finish_reason": "null"}\n\n'
    server.will(Reply(body=body, headers={"content-type": "text/event-stream"}, cut=True))
    with pytest.raises(StreamBroken):
        await collected(wabee.chain_streaming("How long?"))
    assert len(server.asked) == 1


async def test_refusal_comes_before_the_first_event(server: Server, wabee) -> None:
    body = {"body": "Not for this agent", "status_code": 403, "message": "Forbidden", "code": 403}
    server.will(answer(body, 403))
    with pytest.raises(NotPermitted, match="Not for this agent"):
        await collected(wabee.chain_streaming("How long?"))


async def test_failed_run_is_an_event_and_an_error_of_its_text(server: Server, wabee) -> None:
    failure = {"token": "The model is away.", "agent_step": "END", "finish_reason": "error"}
    server.will(events(NUMBERED[0], (2, failure), run_id="run_1"))
    found = await collected(wabee.chain_streaming("How long?"))
    assert [event.error for event in found] == [None, "The model is away."]
    with pytest.raises(RunFailed, match="model is away"):
        await settled(wabee.chain_streaming("How long?").text())


async def test_answer_that_is_no_stream_is_told(server: Server, wabee) -> None:
    server.will(answer({"body": {}}))
    with pytest.raises(InvalidAnswer, match="no event stream"):
        await collected(wabee.chain_streaming("How long?"))


async def test_leaving_early_closes_the_connection(server: Server, wabee) -> None:
    server.will(events(*NUMBERED, run_id="run_1"))
    stream = wabee.chain_streaming("How long?")
    if isinstance(wabee, Wabee):
        with stream:
            assert next(stream).text == "You "
        assert list(stream) == []
    else:
        async with stream:
            assert (await anext(stream)).text == "You "
        assert await collected(stream) == []


async def test_chat_events_are_read_until_the_end(server: Server, wisebot) -> None:
    server.will(
        events(
            (1, {"type": "start", "threadId": "t", "messageId": "m1", "agentId": "a"}),
            (2, {"type": "text-delta", "delta": "30 days", "text": "30 days"}),
            (3, {"type": "something-new", "colour": "green"}),
            (4, {"type": "finish", "fullText": "30 days", "sources": [{"name": "refund-policy.pdf"}]}),
            (5, "[DONE]"),
        )
    )
    found = await collected(wisebot.chat.stream(prompt="Hi", thread_id="t", contact_session_id="c"))
    assert [event.type for event in found] == ["start", "text-delta", "something-new", "finish"]
    assert found[2].model_extra == {"colour": "green"}
    assert (found[3].full_text, [source.name for source in found[3].sources]) == ("30 days", ["refund-policy.pdf"])
    assert server.asked[0].json() == {"prompt": "Hi", "threadId": "t", "contactSessionId": "c"}


async def test_failed_chat_is_told(server: Server, wisebot) -> None:
    server.will(events((1, {"type": "error", "message": "No agent."}), (2, "[DONE]")))
    stream = wisebot.chat.stream(prompt="Hi", thread_id="t", contact_session_id="c")
    with pytest.raises(RunFailed, match="No agent"):
        await collected(stream.text_deltas())


async def test_conflict_while_resuming_passes(server: Server, wisebot) -> None:
    server.will(answer({"error": "busy", "code": "conflict"}, 409))
    stream = wisebot.chat.stream(prompt="Hi", thread_id="t", contact_session_id="c")
    with pytest.raises(Conflict):
        await collected(stream)
    assert len(server.asked) == 3


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, len(NUMBERED)), max_size=6))
def test_any_cuts_give_the_whole_answer_once(cuts: list[int]) -> None:
    def go_on(asked: Asked) -> Reply:
        after = int(asked.headers.get("last-event-id", 0))
        until = cuts.pop(0) if cuts else len(NUMBERED)
        sent = [pair for pair in NUMBERED if after < pair[0] <= until]
        return events(*sent, cut=until < len(NUMBERED), run_id="run_1")

    with misbehaving() as server, Wabee("key", server.url) as wabee:
        server.will(go_on)
        assert wabee.chain_streaming("How long?").text() == "".join(ANSWER)
