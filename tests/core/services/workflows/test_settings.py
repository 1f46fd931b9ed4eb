"""What the settings of each type of step may hold, and that nothing is saved that can only fail."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import event, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.core.services.workflows.bench import ORGANIZATION, Bench, edge, open_store, step
from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.workflows import Edge, Schedule, Step
from trivium.core.services.workflows.actions import Call, Done, Outcome
from trivium.core.services.workflows.definition import check
from trivium.core.services.workflows.service import Draft
from trivium.core.services.workflows.settings import SETTINGS

BAD: list[tuple[str, JSONObject, str]] = [
    ("delay", {"seconds": -1}, "seconds"),
    ("delay", {"seconds": True}, "seconds"),
    ("delay", {"seconds": 366 * 86_400 + 1}, "seconds"),
    ("delay", {"seconds": ""}, "seconds"),
    ("delay", {}, "seconds"),
    ("output", {}, "value"),
    ("output", {"value": "{{inputs.x"}, "value"),
    ("output", {"value": {"a": ["{{ inputs.x }} and {{"]}}, "value"),
    ("output", {"value": {"{{inputs.x}}": 1}}, "value"),
    ("output", {"value": "{{inputs.}}"}, "value"),
    ("output", {"value": "{{inputs..x}}"}, "value"),
    ("output", {"value": "{{len(inputs)}}"}, "value"),
    ("input", {"field": 5}, "field"),
    ("input", {"field": "{{inputs.x}}"}, "field"),
    ("input", {"required": "yes"}, "required"),
    ("input", {"value_type": "number", "default": "three"}, "default"),
    ("transform", {"expression": "shout(inputs.x)"}, "expression"),
    ("transform", {"expression": "upper()"}, "expression"),
    ("transform", {"expression": "upper(inputs.x, 2)"}, "expression"),
    ("transform", {"expression": "round(number=inputs.x)"}, "expression"),
    ("transform", {"expression": "upper"}, "expression"),
    ("transform", {"expression": "inputs.x +"}, "expression"),
    ("transform", {"expression": "1 / 0"}, "expression"),
    ("transform", {"expression": "'a' * 3"}, "expression"),
    ("transform", {"expression": "1e999"}, "expression"),
    ("transform", {"expression": "b'x' == inputs.x"}, "expression"),
    ("transform", {"expression": "{**inputs}"}, "expression"),
    ("transform", {"expression": "[x for x in inputs]"}, "expression"),
    ("transform", {"expression": "'\\ud800'"}, "expression"),
    ("transform", {"expression": "{{inputs.x"}, "expression"),
    ("transform", {"expression": ["inputs"]}, "expression"),
    ("condition", {"cases": []}, "cases"),
    ("condition", {"cases": [{"name": "else", "expression": "true"}]}, "cases[0].name"),
    ("condition", {"cases": [{"name": "a", "expression": "nobody"}]}, "cases"),
    ("condition", {"cases": [{"name": "a", "expression": 5}]}, "cases[0].expression"),
    ("condition", {"cases": {"name": "a"}}, "cases"),
    ("http", {"url": "ftp://example.test"}, "url"),
    ("http", {"url": "example.test/path"}, "url"),
    ("http", {"url": "ftp://{{inputs.host}}"}, "url"),
    ("http", {"url": "https://me:secret@example.test"}, "url"),
    ("http", {"url": "https://example.test", "method": "FETCH"}, "method"),
    ("http", {"url": "https://example.test", "headers": {"Host": "other"}}, "headers"),
    ("http", {"url": "https://example.test", "headers": {"X": "a\nb"}}, "headers"),
    ("http", {"url": "https://example.test", "headers": ["X"]}, "headers"),
    ("http", {"url": "https://example.test", "query": "a=b"}, "query"),
    ("http", {"url": "https://example.test", "timeout": "30"}, "timeout"),
    ("code", {"source": "def broken(:"}, "source"),
    ("code", {"source": "1", "language": "perl"}, "language"),
    ("code", {"source": 5}, "source"),
    ("llm", {"prompt": "x", "max_tokens": 1.5}, "max_tokens"),
    ("llm", {"prompt": "x", "json_schema": "object"}, "json_schema"),
    ("knowledge", {"query": "x", "files": [1]}, "files"),
    ("knowledge", {"query": "x", "top_k": 0}, "top_k"),
    ("agent_tool", {"tool": "x", "arguments": [1]}, "arguments"),
    ("mcp", {"server": "x"}, "tool"),
    ("workflow", {"workflow_id": "wf_1", "inputs": 5}, "inputs"),
    ("loop", {"times": 2.5, "step": {"type": "transform", "config": {"template": 1}}}, "times"),
    ("loop", {"times": 10_001, "step": {"type": "transform", "config": {"template": 1}}}, "times"),
    ("loop", {"times": 2, "step": {"type": "human", "config": {"title": "x"}}}, "step.type"),
    ("loop", {"times": 2, "step": {"type": ["llm"]}}, "step.type"),
    ("loop", {"times": 2, "step": {"type": "transform", "config": []}}, "step"),
    ("loop", {"times": 2, "step": {"type": "http", "config": {"url": "nowhere"}}}, "step.config.url"),
    ("loop", {"times": 2, "until": "nope()", "step": {"type": "transform", "config": {"template": 1}}}, "until"),
    ("map", {"items": "a, b", "step": {"type": "transform", "config": {"template": 1}}}, "items"),
    ("map", {"items": [1], "concurrency": 0, "step": {"type": "transform", "config": {"template": 1}}}, "concurrency"),
    ("human", {"title": "x", "fields": [{"label": "no name"}]}, "fields[0].name"),
    ("human", {"title": "x", "fields": [{"name": "a", "type": "date"}]}, "fields[0].type"),
    ("human", {"title": "x", "fields": [{"name": "a", "colour": "red"}]}, "fields[0].colour"),
    ("human", {"title": "x", "expires_in_seconds": 0}, "expires_in_seconds"),
]


@pytest.mark.parametrize(("kind", "config", "field"), BAD)
def test_what_can_only_fail_is_refused_by_step_and_field(kind: Any, config: JSONObject, field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check([step("first", "transform", {"template": 1}), step("wrong", kind, config)], [])
    details = caught.value.details
    assert (details["step"], details["field"]) == ("wrong", field)
    assert f"steps[1].config.{field} (step wrong)" in caught.value.message


@pytest.mark.parametrize(("kind", "config"), [("delay", {"seconds": 1}), ("human", {"title": "x"})])
def test_waiting_steps_take_no_timeout(kind: Any, config: JSONObject) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check([step("wait", kind, config, timeout_s=5)], [])
    assert caught.value.details["field"] == "timeout_seconds"


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("delay", {"seconds": "{{inputs.s}}"}),
        ("delay", {"seconds": 0}),
        ("http", {"url": "{{inputs.url}}", "method": "post", "headers": {"X-A": "{{inputs.a}}"}, "body": ""}),
        ("http", {"url": "https://{{inputs.host}}/x", "query": "{{inputs.query}}"}),
        ("code", {"source": "return inputs['inputs']"}),
        ("transform", {"expression": "round(inputs.x, 2) if inputs.x else max(1, 2)"}),
        ("transform", {"template": None}),
        ("output", {"value": None}),
        ("output", {"value": '{"a": {"b": 1}}'}),
        ("map", {"items": "{{inputs.list}}", "step": {"type": "transform", "config": {"template": "{{item?}}"}}}),
        ("human", {"title": "x", "fields": [{"name": "a", "type": "boolean", "options": [True]}]}),
    ],
)
def test_what_may_work_is_saved(kind: Any, config: JSONObject) -> None:
    assert check([step("one", kind, config)], []).order == ("one",)


@pytest.mark.parametrize(
    ("schedule", "place"),
    [
        (Schedule(interval_min=0), "schedule.interval_minutes"),
        (Schedule(interval_min=5, time_zone="Mars/Base"), "schedule.time_zone"),
        (Schedule(cron="61 * * * *"), "schedule.cron"),
        (Schedule(cron="0 0 30 2 *"), "schedule.cron"),
        (Schedule(), "schedule"),
        (Schedule(interval_min=5, inputs={"n": "three"}), "schedule.inputs.n"),
        (Schedule(interval_min=5), "schedule.inputs.n"),
    ],
)
async def test_schedule_that_can_only_fail_is_refused(tmp_path: Path, schedule: Schedule, place: str) -> None:
    store = await open_store(tmp_path)
    bench = Bench(store)
    needs = step("n", "input", {"required": True, "value_type": "number"})
    with pytest.raises(InvalidRequest) as caught:
        await bench.save(needs, schedule=schedule)
    assert caught.value.details["place"] == place
    await store.close()


WORDS = st.sampled_from(
    ["", "x", "a", "{{a}}", "{{inputs.x?}}", "{{", "}}", "{{item}}", "a + 1", "len(inputs)", "https://example.test"]
)
NAMES = st.sampled_from(["", "x", "name", "type", "{{a}}"])
NUMBERS = st.integers(-3, 70_000) | st.floats(allow_nan=False)
VALUES: st.SearchStrategy[JSON] = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["", "x", "name", "type", "{{a}}"]), inner, max_size=3)
    ),
    max_leaves=6,
)
EXPRESSIONS = st.sampled_from(
    [
        "inputs.x",
        "a",
        "default(a, 1) + 1",
        "[a, a, a]",
        "a * 2",
        "str(a) + str(a)",
        "1 / inputs.zero",
        "keys(inputs)[9]",
    ]
)
TEXTS = st.sampled_from(["x", "{{inputs.x}}", "{{inputs.none?}}", "{{a}} and {{a}}", "{{a.error.message?}}"])
BODIES: list[JSON] = [
    {"type": "transform", "config": {"template": {"it": "{{item}}"}}},
    {"type": "transform", "config": {"expression": "[item, previous, index]"}},
    {"type": "transform", "config": {"expression": "[item, item, item, item]"}},
    {"type": "http", "config": {"url": "https://example.test/{{item}}"}},
    {"type": "workflow", "config": {"workflow_id": "{{item}}"}},
]
SECONDS = st.sampled_from([0, 5, "{{inputs.x}}", "{{a}}", "{{inputs.none?}}"])
PLAUSIBLE: dict[str, st.SearchStrategy[Any]] = {
    "input": st.sampled_from([{}, {"field": "x"}, {"field": "list", "value_type": "json"}]),
    "output": st.builds(lambda value: {"value": value}, TEXTS | st.lists(TEXTS, max_size=2)),
    "transform": st.builds(lambda text: {"expression": text}, EXPRESSIONS)
    | st.builds(lambda text: {"template": {"deep": [text]}}, TEXTS),
    "condition": st.builds(lambda text: {"expression": text}, EXPRESSIONS),
    "delay": st.builds(
        lambda text: {"seconds": text}, st.sampled_from([0, 5, "{{inputs.x}}", "{{a}}", "{{inputs.none?}}"])
    ),
    "loop": st.builds(
        lambda times, body: {"times": times, "until": "index > 4 or previous == null", "step": body},
        st.integers(1, 30),
        st.sampled_from(BODIES),
    ),
    "map": st.builds(
        lambda items, body: {"items": items, "concurrency": 2, "step": body},
        st.sampled_from(["{{inputs.list}}", "{{a}}", [], [1, 2]]),
        st.sampled_from(BODIES[:1] + BODIES[2:]),
    ),
    "human": st.builds(lambda text: {"title": text}, TEXTS),
    "workflow": st.builds(lambda text: {"workflow_id": text, "inputs": "{{a?}}"}, TEXTS),
    "http": st.builds(lambda text: {"url": text}, TEXTS),
    "code": st.just({"source": "return 1"}),
    "llm": st.builds(lambda text: {"prompt": text}, TEXTS),
    "knowledge": st.builds(lambda text: {"query": text}, TEXTS),
    "agent": st.builds(lambda text: {"agent_id": text, "prompt": text}, TEXTS),
    "agent_tool": st.builds(lambda text: {"tool": text, "arguments": "{{a?}}"}, TEXTS),
    "mcp": st.builds(lambda text: {"tool": text, "server": text}, TEXTS),
}


@st.composite
def definitions(draw: st.DrawFn) -> tuple[list[Step], list[Edge]]:
    """Return up to three steps in a row; most have settings that may work, one in four has nonsense among them."""
    steps = [step("a", "transform", {"template": draw(VALUES)})]
    for key in "bcd"[: draw(st.integers(1, 3))]:
        kind: Any = draw(st.sampled_from(sorted(SETTINGS)))
        config = draw(PLAUSIBLE[kind])
        if draw(st.integers(0, 3)) == 0:
            config = {**config, draw(st.sampled_from([*SETTINGS[kind], "more"])): draw(VALUES)}
        default = draw(st.booleans())
        steps.append(step(key, kind, config, attempts_max=draw(st.integers(1, 2)), retry_wait_s=0, has_default=default))
    edges = [edge("a>b"), edge("b>c"), edge("c>d")]
    return steps, edges[: len(steps) - 1]


class _Forge:
    """A bench on an event loop of its own: each example saves and runs a workflow."""

    def __init__(self, portal: Any, bench: Bench) -> None:
        self.portal = portal
        self.bench = bench

    def outcome(self, steps: list[Step], edges: list[Edge]) -> str:
        """Return "refused", or the status of the run."""
        return str(self.portal.call(self._outcome, steps, edges))

    async def _outcome(self, steps: list[Step], edges: list[Edge]) -> str:
        bench = self.bench
        try:
            draft = Draft(name="Any", steps=tuple(steps), edges=tuple(edges))
            workflow, _ = await bench.workflows.create(ORGANIZATION, draft)
        except InvalidRequest as error:
            return "refused" if error.details.get("place") else f"refused without a place: {error.message}"
        run = await bench.workflows.start(ORGANIZATION, workflow.id, {"list": [1, "two", None], "x": 1, "zero": 0})
        with anyio.fail_after(30):
            for _ in range(20):
                await bench.driver.idle()
                run = await bench.workflows.run(ORGANIZATION, run.id)
                if run.is_final or run.wake_at is None or run.wake_at > bench.clock.now():
                    break
                await bench.timetable.tick()
        assert run.error_code != "internal_error", run.error
        assert run.status in ("succeeded", "failed", "waiting"), run
        await bench.workflows.cancel(ORGANIZATION, run.id)
        await bench.workflows.remove(ORGANIZATION, workflow.id)
        return run.status


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Forge]:
    async def opened() -> Bench:
        bench = Bench(await open_store(tmp_path_factory.mktemp("forge")))
        await bench.driver.open()

        async def echo(call: Call) -> Outcome:
            return Done(output=call.config)

        for kind in ("llm", "knowledge", "agent", "agent_tool", "mcp", "code", "http"):
            bench.driver.use({kind: echo}, {})
        return bench

    with anyio.from_thread.start_blocking_portal() as portal:
        bench = portal.call(opened)
        yield _Forge(portal, bench)
        portal.call(lambda: bench.driver.close(grace_s=1))
        portal.call(bench.store.close)


@given(definition=definitions())
@examples(max_examples=60, deadline=None)
def test_every_definition_is_refused_or_runs(forge: _Forge, definition: tuple[list[Step], list[Edge]]) -> None:
    class Heard(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise AssertionError(record.getMessage()) from (record.exc_info or (None, None, None))[1]

    log, heard = logging.getLogger("trivium.core.services.workflows"), Heard(level=logging.WARNING)
    log.addHandler(heard)
    try:
        outcome = forge.outcome(*definition)
    finally:
        log.removeHandler(heard)
    event(outcome)
    assert outcome in ("refused", "succeeded", "failed", "waiting")
