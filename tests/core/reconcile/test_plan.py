"""The plan: what the contract fixes, and properties over random pairs of documents."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.reconcile.documents import documents, full_documents
from trivium.core.errors import InvalidRequest
from trivium.core.model.config import Plan, Sections
from trivium.core.reconcile.plan import make_plan, running_order, same
from trivium.core.reconcile.shapes import SHAPES, SHAPES_BY_NAME

EMPTY: Sections = {shape.name: [] if shape.key else dict(shape.defaults) for shape in SHAPES}
pairs = settings(max_examples=500, deadline=None)


def applied(current: Sections, plan: Plan) -> dict[str, Any]:
    """Return the state after a plan, as a store would hold it."""
    state: dict[str, Any] = json.loads(json.dumps(current))
    for op in running_order(plan):
        key = SHAPES_BY_NAME[op.section].key
        if key is None:
            state[op.section] = op.after
        elif op.action != "noop":
            state[op.section] = [item for item in state[op.section] if item[key] != op.key]
            state[op.section] += [op.after] if op.after is not None else []
    return state


@pairs
@given(full_documents, documents)
def test_second_plan_is_all_noop(first: Sections, second: Sections) -> None:
    current = applied(EMPTY, make_plan(EMPTY, first))
    after = applied(current, make_plan(current, second))
    assert not make_plan(after, second).changes


@pairs
@given(full_documents, documents, st.randoms(use_true_random=False))
def test_order_of_items_is_irrelevant(first: Sections, second: Sections, chance: random.Random) -> None:
    current = applied(EMPTY, make_plan(EMPTY, first))
    shuffled = {
        name: chance.sample(content, len(content)) if isinstance(content, list) else content
        for name, content in second.items()
    }
    assert make_plan(current, shuffled) == make_plan(current, second)


@pairs
@given(full_documents, documents)
def test_nothing_is_deleted_without_prune(first: Sections, second: Sections) -> None:
    current = applied(EMPTY, make_plan(EMPTY, first))
    assert make_plan(current, second, prune=False).count("delete") == 0


@pairs
@given(full_documents)
def test_export_is_a_complete_baseline(first: Sections) -> None:
    exported = applied(EMPTY, make_plan(EMPTY, first))
    copied = applied(EMPTY, make_plan(EMPTY, exported))
    assert not make_plan(exported, exported).changes
    assert not make_plan(copied, exported).changes
    assert not make_plan(exported, copied).changes


@pairs
@given(full_documents, documents)
def test_sections_that_are_left_out_stay(first: Sections, second: Sections) -> None:
    current = applied(EMPTY, make_plan(EMPTY, first))
    plan = make_plan(current, second)
    assert {op.section for op in plan.ops} <= {name for name, content in second.items() if content is not None}


@pairs
@given(full_documents, documents)
def test_plan_counts_every_key_once(first: Sections, second: Sections) -> None:
    current = applied(EMPTY, make_plan(EMPTY, first))
    plan = make_plan(current, second)
    places = [(op.section, op.key) for op in plan.ops]
    assert len(places) == len(set(places))
    assert places == sorted(places, key=lambda place: ([*SHAPES_BY_NAME].index(place[0]), place[1] or ""))


def test_present_field_replaces_the_whole_value() -> None:
    current: Sections = {
        "agent": {**SHAPES_BY_NAME["agent"].defaults, "name": "A", "appearance": {"color": "red", "font": "x"}}
    }
    op = make_plan(current, {"agent": {"appearance": {"color": "blue"}}}).ops[0]
    assert op.changed_fields == ("appearance",)
    assert op.after is not None
    assert op.after["appearance"] == {"color": "blue"}
    assert op.after["name"] == "A"


def test_null_clears_a_field() -> None:
    current: Sections = {"mcp_servers": [{"name": "crm", "url": "https://a.example", "description": "old"}]}
    wish: Sections = {"mcp_servers": [{"name": "crm", "url": None, "description": None}]}
    assert make_plan(current, wish).ops[0].after == {"name": "crm", "description": ""}


def test_read_only_fields_make_no_difference() -> None:
    current: Sections = {"mcp_servers": [{"name": "crm"}]}
    wish: Sections = {
        "mcp_servers": [{"name": "crm", "id": "mcp_1", "tools": [{"name": "x"}], "created_at": "2026-01-01"}]
    }
    assert make_plan(current, wish).ops[0].action == "noop"


def test_prune_deletes_what_the_document_leaves_out() -> None:
    plan = make_plan({"skills": [{"name": "b"}, {"name": "a"}]}, {"skills": []})
    assert [(op.action, op.key) for op in plan.ops] == [("delete", "a"), ("delete", "b")]


def test_deletes_run_last_and_backwards() -> None:
    current: Sections = {"mcp_servers": [{"name": "a"}], "skills": [{"name": "b"}]}
    plan = make_plan(current, {"mcp_servers": [], "skills": [{"name": "c"}], "telemetry": {}})
    assert [(op.section, op.action) for op in running_order(plan)] == [
        ("telemetry", "noop"),
        ("skills", "create"),
        ("skills", "delete"),
        ("mcp_servers", "delete"),
    ]


def test_domains_are_compared_in_their_normal_form() -> None:
    current: Sections = {"domains": [{"domain": "chat.example.com"}]}
    assert make_plan(current, {"domains": [{"domain": "HTTPS://Chat.Example.com/"}]}).ops[0].action == "noop"


@pytest.mark.parametrize(
    ("wish", "place"),
    [
        ({"skills": [{"name": "a"}, {"body": "x"}]}, {"section": "skills", "index": 1, "field": "name"}),
        ({"skills": [{"name": "a"}, {"name": "a"}]}, {"section": "skills", "index": 1, "field": "name", "key": "a"}),
        ({"domains": [{"domain": "A.io"}, {"domain": "a.io"}]}, {"section": "domains", "index": 1}),
        ({"domains": [{"domain": "no domain"}]}, {"section": "domains", "index": 0}),
        ({"external_api": {"rate_limit_per_min": 0}}, {"section": "external_api", "field": "rate_limit_per_min"}),
        ({"skills": [{"name": "a", "mode": "never"}]}, {"section": "skills", "key": "a", "field": "mode"}),
        ({"agent": {"model_settings": {"temperature": "hot"}}}, {"section": "agent", "field": "model_settings"}),
    ],
)
def test_unusable_documents_name_the_place(wish: Sections, place: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make_plan(EMPTY, wish)
    assert place.items() <= caught.value.details.items()


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [(1, 1.0, True), (True, 1, False), ({"a": None}, {}, True), ([1, [2]], [1, [2.0]], True), ("1", 1, False)],
)
def test_same_compares_as_json(left: Any, right: Any, is_same: bool) -> None:
    assert same(left, right) is is_same
