"""Every rule of section 3.2, on events made by hand."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trivium.contracts.wabee.wire_stream import TOKEN_CHARS_MAX, StreamEncoder, position
from trivium.core import events
from trivium.core.events import Producer, RunEvent, StoredEvent
from trivium.core.model.runs import Usage

AT = datetime(2026, 1, 5, 9, 0, 0, 412_345, tzinfo=UTC)
HELPER = Producer(type="sub_agent", id="sa-1", name="Research")
USAGE = (Usage(model="demo", input_tokens=10, output_tokens=2), Usage(model="demo", input_tokens=1, output_tokens=1))
ALL: list[RunEvent] = [
    events.RunStarted(agent_id="a1", agent_name="Plant agent", conversation_id="c1", model="demo"),
    events.MemoriesRecalled(memories=()),
    events.ModelCalled(step=1, model="demo"),
    events.ReasoningDelta(text="hmm"),
    events.TextDelta(text="Let me see. "),
    events.ToolCalled(call_id="call-1", tool="csv_search", input={"query": "May"}, step=1),
    events.ToolReturned(call_id="call-1", tool="csv_search", output={"rows": 1}, duration_ms=3),
    events.StepFinished(step=1, usage=USAGE[0]),
    events.SubAgentStarted(call_id="call-2", task="Look it up", producer=HELPER),
    events.TextDelta(text="found", producer=HELPER),
    events.SubAgentFinished(call_id="call-2", output="found", producer=HELPER),
    events.ModelCalled(step=2, model="demo"),
    events.TextDelta(text="Plant 7."),
    events.RunFinished(output="Let me see. Plant 7.", usage=USAGE),
]


def encoder(**options) -> StreamEncoder:
    return StreamEncoder("req-1", agent_id="a1", agent_name="Plant agent", **options)


def stored(*given_events: RunEvent) -> list[StoredEvent]:
    return [StoredEvent(seq, AT + timedelta(seconds=seq), event) for seq, event in enumerate(given_events, 1)]


def read(raw: bytes) -> list[tuple[str, dict]]:
    """Read as a client does: an id line and one data line, ended by an empty line."""
    found = []
    for block in raw.decode().removesuffix("\n\n").split("\n\n"):
        first, second = block.split("\n")
        found.append((first.removeprefix("id: "), json.loads(second.removeprefix("data: "))))
    return found


def pieces(*given_events: RunEvent) -> list[dict]:
    return [piece for _, piece in read(encoder().encode(stored(*given_events)))]


def test_every_piece_has_the_fields_of_the_contract() -> None:
    for piece in pieces(*ALL):
        assert piece.keys() == {
            *("id", "token", "agent_step", "finish_reason", "usage", "timestamp"),
            *("source_type", "source_id", "source_name"),
        }
        assert piece["id"] == "req-1"
        assert type(piece["timestamp"]) is int


def test_timestamps_are_epoch_milliseconds() -> None:
    assert pieces(ALL[0])[0]["timestamp"] == round((AT.timestamp() + 1) * 1000 - 0.5)


def test_steps_are_those_the_client_knows() -> None:
    assert [piece["agent_step"] for piece in pieces(*ALL)] == [
        *("STARTING", "PREPARING", "PLANNING", "REASONING", "TYPING_TEXT", "TOOL_CALLING", "TOOL_FEEDBACK"),
        *("TASK_DELEGATION", "DELEGATING", "TOOL_FEEDBACK", "REASONING", "TYPING_TEXT", "END"),
    ]


def test_typed_text_joined_is_the_answer() -> None:
    typed = [p["token"] for p in pieces(*ALL) if p["agent_step"] in ("TYPING_TEXT", "FINAL_ANSWER")]
    assert "".join(typed) == "Let me see. Plant 7."


def test_only_the_last_piece_says_that_it_is_over() -> None:
    *running, last = pieces(*ALL)
    assert {piece["finish_reason"] for piece in running} == {"null"}
    assert last["finish_reason"] == "stop"
    assert last["usage"] == [{"costAttribute": "demo", "usage": 14, "unit": "tokens"}]


def test_a_failure_is_told_in_the_token() -> None:
    last = pieces(events.RunFailed(code="upstream_failed", message="The model is down."))[-1]
    assert (last["finish_reason"], last["token"]) == ("error", "The model is down.")
    assert pieces(events.RunCancelled(reason=""))[-1]["finish_reason"] == "error"


def test_sources_name_who_produced_a_piece() -> None:
    sources = [(p["source_type"], p["source_id"], p["source_name"]) for p in pieces(ALL[0], ALL[5], ALL[9])]
    assert sources == [
        ("agent", "a1", "Plant agent"),
        ("tool", "call-1", "csv_search"),
        ("sub_agent", "sa-1", "Research"),
    ]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=50), st.integers(1, 2000))
def test_lines_stay_below_64_kib_and_lose_nothing(text: str, times: int) -> None:
    raw = encoder().encode(stored(events.TextDelta(text=text * times)))
    assert max(len(line) for line in raw.split(b"\n")) < 64 * 1024
    assert "".join(piece["token"] for _, piece in read(raw)) == text * times


def test_the_longest_line_is_short_enough_even_escaped() -> None:
    tool = events.ToolReturned(call_id="c" * 500, tool="t" * 500, output="\x01" * 100_000, duration_ms=1)
    raw = encoder().encode(stored(tool))
    assert max(len(line) for line in raw.split(b"\n")) < 64 * 1024


def test_a_reader_cut_off_in_a_long_event_gets_the_rest_of_it() -> None:
    text = "0123456789" * (TOKEN_CHARS_MAX // 10) * 3 + "end"
    batch = stored(events.TextDelta(text="a"), events.TextDelta(text=text))
    whole = read(encoder().encode(batch))
    assert [name for name, _ in whole] == ["1", "2.1", "2.2", "2.3", "2"]
    for seen, (name, _) in enumerate(whole, 1):
        found = position(name)
        assert found is not None
        after, skip = found
        rest = encoder(skip=skip).encode([one for one in batch if one.seq > after])
        assert (read(rest) if rest else []) == whole[seen:]


def test_a_stream_that_waits_for_approval_ends_all_the_same() -> None:
    waiting = encoder()
    waiting.encode(stored(events.ApprovalRequested(approval_id="x", call_id="c", tool="pay", input={})))
    ending = json.loads(waiting.ending().decode().removeprefix("data: "))
    assert (ending["agent_step"], ending["finish_reason"], ending["id"]) == ("END", "stop", "req-1")
    finished = encoder()
    finished.encode(stored(ALL[-1]))
    assert finished.ending() == b""


def test_a_foreign_position_is_none() -> None:
    assert [position(value) for value in ("", "x", "1.x", "-1", "1.", "²")] == [
        None,
        None,
        None,
        None,
        (1, (0, 0)),
        None,
    ]
