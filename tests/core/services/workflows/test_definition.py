"""What may be saved as a workflow, and that every refusal names its place."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.core.errors import InvalidRequest
from trivium.core.model.json import JSONObject
from trivium.core.model.workflows import Edge, Step, StepType
from trivium.core.services.workflows.definition import check
from trivium.core.services.workflows.graph import Graph

_CONFIG: dict[StepType, JSONObject] = {
    "input": {"field": "message"},
    "output": {"value": "x"},
    "llm": {"prompt": "Say hello"},
    "transform": {"template": "t"},
}


def _step(step_id: str, kind: StepType = "transform", config: JSONObject | None = None) -> Step:
    return Step(id=step_id, key=step_id, type=kind, config=_CONFIG[kind] if config is None else config)


def _edge(source: str, target: str, branch: str | None = None) -> Edge:
    return Edge(source=source, target=target, branch=branch)


def _place(steps: list[Step], edges: list[Edge]) -> object:
    with pytest.raises(InvalidRequest) as caught:
        check(steps, edges)
    return caught.value.details["place"]


def test_the_example_of_the_contract_is_sound() -> None:
    steps = [
        Step(id="s1", key="message", type="input", config={"field": "message", "required": True}),
        Step(id="s2", key="summary", type="llm", config={"model": "demo", "prompt": "Summarise: {{message}}"}),
        Step(id="s3", key="out", type="output", config={"value": "{{summary}}"}),
    ]
    assert check(steps, [_edge("s1", "s2"), _edge("s2", "s3")]).order == ("s1", "s2", "s3")


def test_cycle_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match=r"a → b → c → a|b → c → a → b|c → a → b → c"):
        check([_step("a"), _step("b"), _step("c")], [_edge("a", "b"), _edge("b", "c"), _edge("c", "a")])


@pytest.mark.parametrize(
    ("steps", "edges", "place"),
    [
        ([], [], "steps"),
        ([_step("a")], [_edge("a", "zz")], "edges[0].to"),
        ([_step("a")], [_edge("zz", "a")], "edges[0].from"),
        ([_step("a")], [_edge("a", "a")], "edges"),
        ([_step("a"), _step("a")], [], "steps[1].id"),
        ([replace(_step("a"), key="Bad")], [], "steps[0].key"),
        ([replace(_step("a"), key="inputs")], [], "steps[0].key"),
        ([replace(_step("a"), type="teleport")], [], "steps[0].type"),  # type: ignore[arg-type]
        ([_step("a", "llm", {})], [], "steps[0].config.prompt"),
        ([_step("a", "llm", {"prompt": "x", "warmth": 1})], [], "steps[0].config.warmth"),
        ([_step("a", "llm", {"prompt": 5})], [], "steps[0].config.prompt"),
        ([_step("a", "llm", {"prompt": "x", "temperature": 9})], [], "steps[0].config.temperature"),
        ([_step("a", "llm", {"prompt": "{{b}}"}), _step("b")], [], "steps[0].config.prompt"),
        ([_step("a", "llm", {"prompt": "{{a}}"})], [], "steps[0].config.prompt"),
        ([_step("a", "transform", {"expression": "nope + 1"})], [], "steps[0].config.expression"),
        ([_step("a", "transform", {"expression": "1 +"})], [], "steps[0].config.expression"),
        ([_step("a"), _step("b")], [_edge("a", "b"), _edge("a", "b")], "edges[1]"),
        ([_step("a"), _step("b")], [_edge("a", "b", "maybe")], "edges[0].branch"),
        ([replace(_step("a"), attempts_max=99)], [], "steps[0].retry.attempts"),
        (
            [replace(_step("a"), type="map", config={"items": [1], "step": {"type": "map"}})],
            [],
            "steps[0].config.step.type",
        ),
        ([replace(_step("a"), type="condition", config={})], [], "steps[0].config"),
        ([replace(_step("a"), type="delay", config={"seconds": "soon"})], [], "steps[0].config.seconds"),
    ],
)
def test_refusal_names_its_place(steps: list[Step], edges: list[Edge], place: str) -> None:
    assert _place(steps, edges) == place


def test_items_of_a_loop_may_name_the_item() -> None:
    body: JSONObject = {"type": "transform", "config": {"template": "{{item}} {{index}} {{inputs.x}}"}}
    step = replace(_step("a"), type="map", config={"items": [1], "step": body})
    assert check([step], []).order == ("a",)
    assert _place([step, _step("b", "llm", {"prompt": "{{item}}"})], [_edge("a", "b")]) == "steps[1].config.prompt"


@given(st.data())
def test_forward_edges_never_make_a_cycle(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    pairs = data.draw(st.sets(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30))
    edges = [_edge(f"s{a}", f"s{b}") for a, b in pairs if a < b < count]
    graph = check([_step(f"s{number}") for number in range(count)], edges)
    position = {step_id: number for number, step_id in enumerate(graph.order)}
    assert all(position[edge.source] < position[edge.target] for edge in edges)


@given(st.data())
def test_every_diagram_has_an_order_or_a_cycle(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    pairs = data.draw(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
    edges = [_edge(f"s{a}", f"s{b}") for a, b in pairs if a < count and b < count]
    graph = Graph([_step(f"s{number}") for number in range(count)], edges)
    cycle = graph.cycle()
    assert (len(graph.order) == count) == (cycle == [])
    assert all(_edge(a, b) in edges for a, b in pairwise(cycle))
