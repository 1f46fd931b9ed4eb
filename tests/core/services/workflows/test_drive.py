"""Runs of workflows: order, branches, failures, retries, waits, and every effect once."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.core.services.workflows.bench import ORGANIZATION, Bench, open_store, step
from trivium.core.errors import Conflict, InvalidRequest, LimitExceeded, NotFound, UpstreamFailed
from trivium.core.model.json import JSON
from trivium.core.services.workflows.actions import Call, Done, Outcome
from trivium.core.services.workflows.service import Draft


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await open_store(tmp_path)
    bench = Bench(store)
    await bench.driver.open()
    yield bench
    await bench.driver.close(grace_s=1)
    await store.close()


async def test_inputs_become_the_result(bench: Bench) -> None:
    workflow = await bench.save(
        step("message", "input", {"field": "message", "required": True}),
        step("upper", "transform", {"expression": "upper(message)"}),
        step("out", "output", {"value": {"said": "{{upper}}"}}),
        edges="message>upper upper>out",
    )
    run = await bench.run(workflow, {"message": "hi"})
    assert (run.status, run.result, run.error) == ("succeeded", {"said": "HI"}, None)
    assert await bench.statuses(run) == {"message": "succeeded", "upper": "succeeded", "out": "succeeded"}


async def test_missing_or_wrong_input_is_refused_before_anything_runs(bench: Bench) -> None:
    config: dict[str, JSON] = {"field": "count", "value_type": "number", "required": True}
    workflow = await bench.save(step("count", "input", config))
    for inputs in ({}, {"count": "three"}, {"count": True}):
        with pytest.raises(InvalidRequest) as caught:
            await bench.run(workflow, inputs)  # type: ignore[arg-type]
        assert caught.value.details["place"] == "inputs.count"
    assert (await bench.run(workflow, {"count": 3})).result == 3


async def test_several_outputs_make_an_object_and_none_the_last_value(bench: Bench) -> None:
    several = await bench.save(step("a", "output", {"value": 1}), step("b", "output", {"value": [2]}))
    none = await bench.save(step("a"), step("b"), edges="a>b")
    assert (await bench.run(several)).result == {"a": 1, "b": [2]}
    assert (await bench.run(none)).result == "https://example.test/b"


async def test_condition_takes_one_branch_and_skips_the_other(bench: Bench) -> None:
    workflow = await bench.save(
        step("n", "input", {}),
        step("big", "condition", {"expression": "n > 10"}),
        step("yes"),
        step("after_yes"),
        step("no"),
        step("end", "transform", {"template": "end"}),
        edges="n>big big>yes:true yes>after_yes big>no:false after_yes>end no>end",
    )
    run = await bench.run(workflow, {"n": 3})
    assert await bench.statuses(run) == {
        "n": "succeeded",
        "big": "succeeded",
        "yes": "skipped",
        "after_yes": "skipped",
        "no": "succeeded",
        "end": "succeeded",
    }


async def test_cases_take_the_first_that_holds(bench: Bench) -> None:
    cases: JSON = [{"name": "low", "expression": "n < 5"}, {"name": "mid", "expression": "n < 10"}]
    workflow = await bench.save(
        step("n", "input", {}),
        step("size", "condition", {"cases": cases}),
        step("mid", "transform", {"template": "middle"}),
        step("other", "transform", {"template": "other"}),
        edges="n>size size>mid:mid size>other:else",
    )
    assert (await bench.run(workflow, {"n": 7})).result == "middle"
    assert (await bench.run(workflow, {"n": 70})).result == "other"


async def test_parallel_branches_run_at_the_same_time(bench: Bench) -> None:
    both = anyio.Event()
    seen: list[str] = []

    async def meet(call: Call) -> Outcome:
        seen.append(call.step.key)
        if len(seen) == 2:
            both.set()
        await both.wait()
        return Done(output=call.step.key)

    bench.use("http", meet)
    workflow = await bench.save(
        step("a"), step("b"), step("join", "transform", {"template": "{{a}}{{b}}"}), edges="a>join b>join"
    )
    with anyio.fail_after(5):
        assert (await bench.run(workflow)).result == "ab"


async def test_failed_step_fails_the_run_and_says_where(bench: Bench) -> None:
    bench.use("http", _failing("boom"))
    workflow = await bench.save(step("call"), step("after", "transform", {"template": "x"}), edges="call>after")
    run = await bench.run(workflow)
    assert (run.status, run.error, run.error_code) == ("failed", "Step call: boom", "upstream_failed")
    assert await bench.statuses(run) == {"call": "failed"}


async def test_failure_branch_and_default_let_the_run_go_on(bench: Bench) -> None:
    bench.use("http", _failing("boom"))
    branch = await bench.save(
        step("call"),
        step("good", "transform", {"template": "good"}),
        step("bad", "transform", {"template": "it said {{call.error.message}}"}),
        edges="call>good call>bad:error",
    )
    default = await bench.save(
        step("call", has_default=True, default={"n": 0}),
        step("out", "output", {"value": "{{call.n}}"}),
        edges="call>out",
    )
    assert (await bench.run(branch)).result == "it said boom"
    assert (await bench.run(default)).result == 0


async def test_failing_step_is_tried_again_after_growing_pauses(bench: Bench) -> None:
    tries: list[str] = []

    async def third_time(call: Call) -> Outcome:
        tries.append(call.key)
        if len(tries) < 3:
            raise UpstreamFailed("not yet", is_retryable=True)
        return Done(output="done")

    bench.use("http", third_time)
    workflow = await bench.save(step("call", attempts_max=3, retry_wait_s=60))
    run = await bench.run(workflow)
    assert (run.status, len(tries)) == ("waiting", 1)
    bench.clock.advance(seconds=61)
    assert (await bench.again(run)).status == "waiting"
    bench.clock.advance(seconds=61)
    assert (await bench.again(run)).status == "waiting"
    bench.clock.advance(seconds=60)
    run = await bench.again(run)
    assert (run.status, run.result, len(set(tries))) == ("succeeded", "done", 1)


async def test_step_that_takes_too_long_fails(bench: Bench) -> None:
    async def hang(call: Call) -> Outcome:
        await anyio.sleep_forever()
        raise AssertionError

    bench.use("http", hang)
    run = await bench.run(await bench.save(step("call", timeout_s=0.05)))
    assert (run.status, run.error_code) == ("failed", "timeout")


async def test_step_that_breaks_unexpectedly_fails_the_run(bench: Bench) -> None:
    async def broken(call: Call) -> Outcome:
        raise ZeroDivisionError

    bench.use("http", broken)
    run = await bench.run(await bench.save(step("call")))
    assert (run.status, run.error_code) == ("failed", "internal_error")
    assert "ZeroDivision" not in (run.error or "")


@pytest.mark.parametrize("output", [2**70, float("inf"), "\ud800", {1: 2}, [[[]]] * 600_000, "x" * 1_000_001])
async def test_output_that_cannot_be_kept_fails_the_step(bench: Bench, output: JSON) -> None:
    async def answer(call: Call) -> Outcome:
        return Done(output=output)

    bench.use("http", answer)
    run = await bench.run(await bench.save(step("call")))
    assert (run.status, run.error_code) in (("failed", "invalid_output"), ("failed", "output_too_large"))


async def test_error_text_that_cannot_be_kept_is_cleaned(bench: Bench) -> None:
    bench.use("http", _failing("half \ud800 and \x00 none"))
    assert (await bench.run(await bench.save(step("call")))).error == "Step call: half ? and ? none"


async def test_value_that_doubles_with_each_round_is_stopped(bench: Bench) -> None:
    body: JSON = {"type": "transform", "config": {"expression": f"[{', '.join(['previous'] * 90)}]"}}
    with anyio.fail_after(20):
        run = await bench.run(await bench.save(step("grow", "loop", {"times": 1000, "step": body})))
    assert (run.status, run.error_code) == ("failed", "output_too_large")


async def test_many_items_run_a_few_at_a_time(bench: Bench) -> None:
    busy = [0, 0]

    async def count(call: Call) -> Outcome:
        busy[0] += 1
        busy[1] = max(busy)
        await anyio.lowlevel.checkpoint()
        busy[0] -= 1
        return Done(output=call.config["url"])

    bench.use("http", count)
    body: JSON = {"type": "http", "config": {"url": "{{item}}"}}
    workflow = await bench.save(
        step("all", "map", {"items": "{{inputs.list}}", "concurrency": 16, "step": body}),
        step("count", "transform", {"expression": "len(all)"}),
        edges="all>count",
    )
    run = await bench.run(workflow, {"list": list(range(1_000))})
    assert (run.status, run.result, busy[1]) == ("succeeded", 1_000, 16)
    run = await bench.run(workflow, {"list": list(range(10_001))})
    assert (run.status, run.error_code) == ("failed", "too_many_items")
    assert (await bench.run(workflow, {"list": []})).result == 0


async def test_delay_of_weeks_holds_nothing(bench: Bench) -> None:
    workflow = await bench.save(step("pause", "delay", {"seconds": 14 * 86_400}), step("after"), edges="pause>after")
    run = await bench.run(workflow)
    assert (run.status, run.lease_owner, bench.driver.active_count) == ("waiting", None, 0)
    bench.clock.advance(days=13)
    assert (await bench.again(run)).status == "waiting"
    bench.clock.advance(days=1)
    assert (await bench.again(run)).status == "succeeded"
    assert len(bench.effects) == 1


async def test_person_answers_a_form_and_the_run_goes_on(bench: Bench) -> None:
    fields: JSON = [{"name": "ok", "required": True, "options": ["yes", "no"]}]
    workflow = await bench.save(
        step("ask", "human", {"title": "Approve?", "fields": fields}),
        step("out", "output", {"value": "{{ask.ok}}"}),
        edges="ask>out",
    )
    run = await bench.run(workflow)
    assert [form.data["form"]["title"] for form in await bench.workflows.forms(ORGANIZATION)] == ["Approve?"]  # type: ignore[index,call-overload]
    for bad in ({}, {"ok": "maybe"}, {"ok": "yes", "more": 1}):
        with pytest.raises(InvalidRequest):
            await bench.workflows.answer(ORGANIZATION, run.id, "ask", bad, by="u1")  # type: ignore[arg-type]
    await bench.workflows.answer(ORGANIZATION, run.id, "ask", {"ok": "yes"}, by="u1")
    with pytest.raises(Conflict):
        await bench.workflows.answer(ORGANIZATION, run.id, "ask", {"ok": "no"}, by="u2")
    run = await bench.again(run)
    assert (run.status, run.result) == ("succeeded", "yes")
    assert await bench.workflows.forms(ORGANIZATION) == []


@pytest.mark.parametrize(("edges", "status"), [("ask>late:expired", "succeeded"), ("ask>late", "failed")])
async def test_form_expires(bench: Bench, edges: str, status: str) -> None:
    config: dict[str, JSON] = {"title": "Approve?", "expires_in_seconds": 3600}
    workflow = await bench.save(step("ask", "human", config), step("late"), edges=edges)
    run = await bench.run(workflow)
    bench.clock.advance(seconds=3601)
    with pytest.raises(Conflict):
        await bench.workflows.answer(ORGANIZATION, run.id, "ask", {}, by="u1")
    run = await bench.again(run)
    assert run.status == status
    assert len(bench.effects) == (1 if status == "succeeded" else 0)


async def test_map_keeps_order_and_runs_each_item_once(bench: Bench) -> None:
    body: JSON = {"type": "http", "config": {"url": "{{item}}-{{index}}"}}
    workflow = await bench.save(step("all", "map", {"items": ["a", "b", "c"], "step": body}))
    run = await bench.run(workflow)
    assert run.result == ["a-0", "b-1", "c-2"]
    assert len(set(bench.effects)) == len(bench.effects) == 3


async def test_loop_hands_on_and_stops(bench: Bench) -> None:
    body: JSON = {"type": "transform", "config": {"expression": "default(previous, 0) + 2"}}
    config: dict[str, JSON] = {"times": 10, "until": "previous >= 6", "step": body}
    run = await bench.run(await bench.save(step("count", "loop", config)))
    assert run.result == [2, 4, 6]


async def test_inner_workflow_is_run_once_and_its_failure_is_the_steps(bench: Bench) -> None:
    inner = await bench.save(step("x", "input", {"required": True}), step("call"), edges="x>call")
    config: dict[str, JSON] = {"workflow_id": inner.id, "inputs": {"x": "{{inputs.y?}}"}}
    outer = await bench.save(step("sub", "workflow", config), step("after"), edges="sub>after")
    run = await bench.run(outer, {"y": 1})
    run = await bench.workflows.result(ORGANIZATION, run.id, timeout_s=5)
    assert (run.status, len(bench.effects)) == ("succeeded", 2)
    failed = await bench.run(outer, {})
    assert (failed.status, failed.error_code) == ("failed", "invalid_input")


async def test_workflow_inside_a_loop(bench: Bench) -> None:
    inner = await bench.save(step("x", "input", {}), step("out", "output", {"value": "<{{x}}>"}), edges="x>out")
    body: JSON = {"type": "workflow", "config": {"workflow_id": inner.id, "inputs": {"x": "{{item}}"}}}
    outer = await bench.save(step("all", "map", {"items": ["a", "b"], "step": body}))
    with anyio.fail_after(10):
        assert (await bench.run(outer)).result == ["<a>", "<b>"]


async def test_workflow_that_starts_itself_ends(bench: Bench) -> None:
    workflow = await bench.save(step("a", "transform", {"template": "x"}))
    config: dict[str, JSON] = {"workflow_id": workflow.id}
    draft = step("again", "workflow", config)
    await bench.workflows.change(ORGANIZATION, workflow.id, Draft(steps=(draft,), edges=()))
    run = await bench.run(workflow)
    run = await bench.workflows.result(ORGANIZATION, run.id, timeout_s=10)
    assert (run.status, len(await bench.workflows.runs(ORGANIZATION))) == ("failed", 6)


async def test_cancel_ends_a_run_that_waits_or_works_and_what_is_inside(bench: Bench) -> None:
    inner = await bench.save(step("pause", "delay", {"seconds": 9_000}))
    outer = await bench.save(step("sub", "workflow", {"workflow_id": inner.id}), step("after"), edges="sub>after")
    run = await bench.run(outer)
    cancelled = await bench.workflows.cancel(ORGANIZATION, run.id, "enough")
    assert (cancelled.status, cancelled.error) == ("cancelled", "enough")
    assert {one.status for one in await bench.workflows.runs(ORGANIZATION)} == {"cancelled"}
    assert await bench.statuses(run) == {"sub": "cancelled"}
    bench.clock.advance(days=2)
    assert (await bench.again(run)).status == "cancelled"


async def test_cancel_stops_what_is_running(bench: Bench) -> None:
    started, stopped = anyio.Event(), anyio.Event()

    async def hang(call: Call) -> Outcome:
        started.set()
        try:
            await anyio.sleep_forever()
        finally:
            stopped.set()
        raise AssertionError

    bench.use("http", hang)
    workflow = await bench.save(step("call"))
    run = await bench.workflows.start(ORGANIZATION, workflow.id, {})
    await started.wait()
    assert (await bench.workflows.cancel(ORGANIZATION, run.id)).status == "cancelled"
    assert stopped.is_set()


async def test_rerun_from_a_step_keeps_what_lies_before(bench: Bench) -> None:
    workflow = await bench.save(step("a"), step("b"), step("c"), edges="a>b b>c")
    run = await bench.run(workflow)
    again = await bench.workflows.rerun(ORGANIZATION, run.id, from_step="b")
    await bench.driver.idle()
    again = await bench.workflows.run(ORGANIZATION, again.id)
    assert (again.status, again.rerun_of, len(bench.effects)) == ("succeeded", run.id, 5)
    assert (await bench.outputs(again)).keys() == {"a", "b", "c"}
    with pytest.raises(InvalidRequest):
        await bench.workflows.rerun(ORGANIZATION, run.id, from_step="zzz")


async def test_rerun_takes_the_way_that_a_caught_failure_decided(bench: Bench) -> None:
    bench.use("http", _failing("boom"))
    workflow = await bench.save(
        step("call"),
        step("good", "transform", {"template": "good"}),
        step("bad", "transform", {"template": "bad: {{call.error.message}}"}),
        edges="call>good call>bad:error",
    )
    run = await bench.run(workflow)
    bench.use("http", bench.effect)
    again = await bench.workflows.rerun(ORGANIZATION, run.id, from_step="bad")
    await bench.driver.idle()
    ended = await bench.workflows.run(ORGANIZATION, again.id)
    assert (ended.result, bench.effects) == ("bad: boom", [])


async def test_run_keeps_the_diagram_it_started_with(bench: Bench) -> None:
    workflow = await bench.save(step("pause", "delay", {"seconds": 100}), step("old"), edges="pause>old")
    run = await bench.run(workflow)
    changed = await bench.workflows.change(
        ORGANIZATION, workflow.id, Draft(steps=(step("new", "transform", {"template": "new"}),), edges=())
    )
    bench.clock.advance(seconds=100)
    assert (changed.version, (await bench.again(run)).result) == (2, "https://example.test/old")
    assert (await bench.run(workflow)).result == "new"


async def test_another_process_takes_over_with_the_same_keys(bench: Bench) -> None:
    started = anyio.Event()

    async def die_in_the_second(call: Call) -> Outcome:
        bench.effects.append(call.key)
        if call.step.key == "b":
            started.set()
            await anyio.sleep_forever()
        return Done(output=call.step.key)

    bench.use("http", die_in_the_second)
    workflow = await bench.save(step("a"), step("b"), step("c"), edges="a>b b>c")
    run = await bench.workflows.start(ORGANIZATION, workflow.id, {})
    await started.wait()
    other = Bench(bench.store, bench.clock)
    assert await other.driver.take_due() == 0
    bench.clock.advance(seconds=20)
    assert await other.driver.take_due() == 1
    await other.driver.idle()
    ended = await other.workflows.run(ORGANIZATION, run.id)
    assert (ended.status, ended.attempt) == ("succeeded", 2)
    # The step in flight was asked for again under its own key, the one that had answered was not.
    assert bench.effects == [f"{run.id}-0", f"{run.id}-1"]
    assert other.effects == [f"{run.id}-1", f"{run.id}-2"]


async def test_process_that_lost_its_run_writes_nothing_more(bench: Bench) -> None:
    go_on = anyio.Event()

    async def slow(call: Call) -> Outcome:
        await go_on.wait()
        return Done(output="old")

    bench.use("http", slow)
    workflow = await bench.save(step("a"))
    run = await bench.workflows.start(ORGANIZATION, workflow.id, {})
    bench.clock.advance(seconds=20)
    other = Bench(bench.store, bench.clock)
    with anyio.fail_after(5):
        assert await other.driver.take_due() == 1
        await other.driver.idle()
        go_on.set()
        await bench.driver.idle()
    ended = await other.workflows.run(ORGANIZATION, run.id)
    assert (ended.status, ended.result) == ("succeeded", "https://example.test/a")


async def test_disabled_and_foreign_workflows_do_not_start(bench: Bench) -> None:
    workflow = await bench.save(step("a"), enabled=False)
    with pytest.raises(Conflict):
        await bench.run(workflow)
    with pytest.raises(NotFound):
        await bench.workflows.start("org_2", workflow.id, {})
    run = await bench.run(await bench.save(step("a")))
    for look in (bench.workflows.run, bench.workflows.cancel, bench.workflows.rerun):
        with pytest.raises(NotFound):
            await look("org_2", run.id)
    assert await bench.workflows.step_runs("org_2", run.id) == []


async def test_closing_process_takes_nothing_and_leaves_runs_to_be_claimed(bench: Bench) -> None:
    async def hang(call: Call) -> Outcome:
        await anyio.sleep_forever()
        raise AssertionError

    bench.use("http", hang)
    workflow = await bench.save(step("a"))
    run = await bench.workflows.start(ORGANIZATION, workflow.id, {})
    await bench.driver.close(grace_s=0.01)
    with pytest.raises(LimitExceeded):
        await bench.workflows.start(ORGANIZATION, workflow.id, {})
    other = Bench(bench.store, bench.clock)
    assert await other.driver.take_due() == 1
    await other.driver.idle()
    assert (await other.workflows.run(ORGANIZATION, run.id)).status == "succeeded"


def _failing(message: str):
    async def fail(call: Call) -> Outcome:
        raise UpstreamFailed(message)

    return fail
