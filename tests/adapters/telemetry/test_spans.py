"""Spans that are made of stored events."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from tests.ports.rows import NOW, run
from trivium.adapters.telemetry.spans import Span, spans_of
from trivium.core import events
from trivium.core.events import Producer, RunEvent, StoredEvent
from trivium.core.model.runs import Usage

SECRET = "the marker text"
ENDED = replace(run(), status="succeeded", output=SECRET, started_at=NOW, finished_at=NOW + timedelta(seconds=9))
USED = Usage(model="m1", input_tokens=7, output_tokens=3)
HELPER = Producer(type="sub_agent", id="s1", name="Helper", call_id="c1")


def spans(*happened: RunEvent, status: str = "succeeded", with_content: bool = False) -> Sequence[Span]:
    stored = [StoredEvent(seq, NOW + timedelta(seconds=seq), event) for seq, event in enumerate(happened, 1)]
    return spans_of(replace(ENDED, status=status), stored, with_content=with_content)  # type: ignore[arg-type]


CALL = events.ToolCalled(call_id="c1", tool="add", input={"text": SECRET}, step=1)
RETURN = events.ToolReturned(call_id="c1", tool="add", output=SECRET, duration_ms=1)
TURN: list[RunEvent] = [
    events.ModelCalled(step=1, model="openai/m1"),
    events.StepFinished(step=1, usage=USED, calls=(events.PlannedCall(call_id="c1", tool="add", input={}),)),
    CALL,
    RETURN,
    events.ModelCalled(step=2, model="openai/m1"),
    events.StepFinished(step=2, usage=USED),
    events.RunFinished(output=SECRET, finish_reason="length"),
]


def test_model_calls_and_tools_are_children_of_the_run() -> None:
    root, first, tool, last = spans(*TURN)
    assert [one.name for one in (root, first, tool, last)] == [
        "invoke_agent",
        "chat m1",
        "execute_tool add",
        "chat m1",
    ]
    assert root.parent is None
    assert first.parent == tool.parent == last.parent == 0
    assert first.attributes["gen_ai.provider.name"] == "openai"
    assert (first.attributes["gen_ai.usage.input_tokens"], first.attributes["gen_ai.usage.output_tokens"]) == (7, 3)
    assert first.attributes["gen_ai.response.finish_reasons"] == ("tool_call",)
    assert last.attributes["gen_ai.response.finish_reasons"] == ("length",)
    assert (tool.start, tool.end) == (NOW + timedelta(seconds=3), NOW + timedelta(seconds=4))


def test_texts_are_told_only_when_asked() -> None:
    assert SECRET not in repr(spans(*TURN))
    root, _, tool, _ = spans(*TURN, with_content=True)
    assert SECRET in str(root.attributes["gen_ai.output.messages"])
    assert tool.attributes["gen_ai.tool.call.result"] == SECRET
    assert SECRET in str(tool.attributes["gen_ai.tool.call.arguments"])


def test_a_sub_agent_stands_under_the_call_that_asked_it() -> None:
    found = spans(
        CALL,
        events.SubAgentStarted(call_id="c1", task=SECRET, producer=HELPER),
        events.ModelCalled(step=1, model="m2", producer=HELPER),
        events.StepFinished(step=1, usage=USED, producer=HELPER),
        events.SubAgentFinished(call_id="c1", output=SECRET, producer=HELPER),
        RETURN,
    )
    assert [(one.name, one.parent) for one in found[1:]] == [
        ("execute_tool add", 0),
        ("invoke_agent Helper", 1),
        ("chat m2", 2),
    ]
    assert SECRET not in repr(found)


def test_what_never_ended_takes_the_run_s_end_and_error() -> None:
    root, chat = spans(events.ModelCalled(step=1, model="m"), status="cancelled")
    assert (chat.end, chat.error, root.error) == (ENDED.finished_at, "cancelled", "cancelled")


def test_a_failed_tool_is_an_error() -> None:
    _, tool = spans(CALL, replace(RETURN, is_error=True))
    assert tool.error == "tool_error"
