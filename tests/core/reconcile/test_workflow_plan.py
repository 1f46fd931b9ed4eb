"""The plan between two sets of workflows: properties over random pairs, and the order of running."""

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.model.config import Plan
from trivium.core.model.json import JSONObject
from trivium.core.model.workflows import Edge, Schedule, Step, Workflow
from trivium.core.reconcile.workflow_documents import document_of, draft_of, wish_of
from trivium.core.reconcile.workflow_names import references
from trivium.core.reconcile.workflow_plan import plan_workflows, workflows_running_order
from trivium.core.services.workflows.service import Draft

pairs = settings(max_examples=100, deadline=None)
names = st.sampled_from(["a", "b", "c", "Z", "ä", "\U0001f331", "Ticket triage"])
texts = st.text(max_size=8)
values = st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | texts, lambda inner: st.lists(inner, max_size=2))
steps = st.builds(
    Step,
    id=texts,
    key=texts,
    type=st.sampled_from(["llm", "output", "http", "workflow"]),
    config=st.dictionaries(st.sampled_from(["prompt", "value", "workflow_id"]), names | values, max_size=3),
    timeout_s=st.none() | st.floats(0.1, 100),
    attempts_max=st.integers(1, 3),
    has_default=st.booleans(),
    default=values,
)
edges = st.builds(Edge, source=texts, target=texts, branch=st.none() | texts)
schedules = st.builds(Schedule, interval_min=st.integers(1, 60), inputs=st.dictionaries(texts, values, max_size=2))
drafts = st.builds(
    Draft,
    name=names,
    description=st.none() | texts,
    enabled=st.none() | st.booleans(),
    steps=st.none() | st.lists(steps, max_size=3).map(tuple),
    edges=st.none() | st.lists(edges, max_size=3).map(tuple),
    webhook_enabled=st.none() | st.booleans(),
    schedule=st.none() | schedules,
    event_types=st.none() | st.lists(st.sampled_from(["x", "y", "z"]), max_size=3).map(tuple),
)
wish_sets = st.lists(drafts, max_size=5, unique_by=lambda draft: draft.name).map(lambda found: [*map(wish_of, found)])


def applied(current: list[JSONObject], plan: Plan) -> list[JSONObject]:
    """Return the set after a plan, as a store would hold it."""
    state = {str(one["name"]): one for one in current}
    for op in workflows_running_order(plan):
        if op.after is None:
            del state[str(op.key)]
        else:
            state[str(op.key)] = op.after
    return [*state.values()]


def made(wishes: list[JSONObject]) -> list[JSONObject]:
    """Return what stands after the wishes were applied to nothing."""
    return applied([], plan_workflows([], wishes))


@pairs
@given(wish_sets, wish_sets, st.booleans())
def test_plan_after_an_apply_is_empty(first: list[JSONObject], second: list[JSONObject], prune: bool) -> None:
    after = applied(made(first), plan_workflows(made(first), second, prune=prune))
    assert not plan_workflows(after, second, prune=prune).changes


@pairs
@given(wish_sets)
def test_equal_sets_have_an_empty_plan(wishes: list[JSONObject]) -> None:
    there = made(wishes)
    assert not plan_workflows(there, there, prune=True).changes
    assert made(there) == there


@pairs
@given(wish_sets, wish_sets, st.randoms(use_true_random=False), st.booleans())
def test_order_of_the_workflows_is_irrelevant(
    first: list[JSONObject], second: list[JSONObject], chance: random.Random, prune: bool
) -> None:
    there = made(first)
    mixed = plan_workflows(chance.sample(there, len(there)), chance.sample(second, len(second)), prune=prune)
    assert mixed == plan_workflows(there, second, prune=prune)
    assert [op.key for op in mixed.ops] == sorted(str(op.key) for op in mixed.ops)


@pairs
@given(wish_sets, wish_sets)
def test_nothing_is_deleted_unless_asked(first: list[JSONObject], second: list[JSONObject]) -> None:
    there = made(first)
    assert plan_workflows(there, second).count("delete") == 0
    left_out = {one["name"] for one in there} - {one["name"] for one in second}
    pruned = plan_workflows(there, second, prune=True)
    assert {op.key for op in pruned.ops if op.action == "delete"} == left_out


@pairs
@given(wish_sets)
def test_every_op_runs_once_and_creates_come_first(wishes: list[JSONObject]) -> None:
    plan = plan_workflows(made(wishes)[:2], wishes, prune=True)
    running = workflows_running_order(plan)
    assert sorted(str(op.key) for op in running) == [op.key for op in plan.ops]
    ranks = [["noop", "create", "update", "delete"].index(op.action) for op in running]
    assert ranks == sorted(ranks)


@pairs
@given(st.permutations(range(6)), st.integers(0, 2**15 - 1))
def test_what_is_referred_to_comes_first(order: list[int], mask: int) -> None:
    pairs_of = [(low, high) for high in range(6) for low in range(high)]
    needs = {
        name: [low for bit, (low, high) in enumerate(pairs_of) if high == name and mask >> bit & 1] for name in range(6)
    }
    wishes = [_referring(f"w{order[name]}", [f"w{order[low]}" for low in lows]) for name, lows in needs.items()]
    creates = [str(op.key) for op in workflows_running_order(plan_workflows([], wishes))]
    deletes = [str(op.key) for op in workflows_running_order(plan_workflows(made(wishes), [], prune=True))]
    for wish in wishes:
        for reference in references(wish):
            assert creates.index(reference.value) < creates.index(str(wish["name"]))
            assert deletes.index(reference.value) > deletes.index(str(wish["name"]))


def _referring(name: str, targets: list[str]) -> JSONObject:
    found = [Step(id=one, key=one, type="workflow", config={"workflow_id": one}) for one in targets]
    return wish_of(Draft(name=name, steps=tuple(found)))


def test_a_long_chain_and_a_circle_have_an_order() -> None:
    chain = [_referring(f"w{number:04}", [f"w{number + 1:04}"]) for number in range(999)]
    ordered = [op.key for op in workflows_running_order(plan_workflows([], [*chain, _referring("w0999", ["w0000"])]))]
    assert len(ordered) == len({*ordered}) == 1000
    assert ordered[-1] == "w0000"


@pairs
@given(drafts)
def test_document_and_draft_say_the_same(draft: Draft) -> None:
    document = made([wish_of(draft)])[0]
    whole = draft_of(document)
    stored = _workflow(whole)
    assert plan_workflows([document_of(stored)], [document]).count("noop") == 1
    assert draft_of(document_of(stored)) == whole


def _workflow(draft: Draft) -> Workflow:
    fields: dict[str, Any] = {
        name: getattr(draft, name)
        for name in ("name", "description", "enabled", "steps", "edges", "webhook_enabled", "schedule", "event_types")
    }
    now: Any = None
    return Workflow(id="w", organization_id="o", created_at=now, updated_at=now, **fields)
