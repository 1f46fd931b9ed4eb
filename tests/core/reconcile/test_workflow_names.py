"""References of steps by name: found again, told when unknown, left alone when a placeholder decides."""

from hypothesis import given, settings
from hypothesis import strategies as st

from trivium.core.model.json import JSONObject
from trivium.core.reconcile.workflow_names import Directory, Names, references

texts = st.sampled_from(["a", "b", "A", "a/b", "b/a", "x_1", "x_2", "{{a}}"])


def one_step(kind: str, **config: object) -> JSONObject:
    """Return a workflow of one step."""
    return {"name": "W", "steps": [{"id": "s", "key": "s", "type": kind, "config": config}]}  # type: ignore[dict-item]


@settings(deadline=None)
@given(st.dictionaries(texts, texts, max_size=5), st.dictionaries(texts, texts, max_size=5), st.booleans())
def test_portable_name_finds_the_same_thing(by_id: dict[str, str], paths: dict[str, str], any_case: bool) -> None:
    names = Names(by_id=by_id, paths={one: path for one, path in paths.items() if one in by_id}, any_case=any_case)
    for thing_id in by_id:
        assert names.find(names.portable(thing_id)) == [thing_id]


def test_names_that_are_not_unique_stay_ids() -> None:
    agents = Names(by_id={"agt_1": "Twin", "agt_2": "Twin", "agt_3": "Own", "agt_4": "agt_3"})
    assert [agents.portable(one) for one in agents.by_id] == ["agt_1", "agt_2", "Own", "agt_4"]


def test_documents_are_found_by_folder_and_in_any_case() -> None:
    names = {"doc_1": "Prices.pdf", "doc_2": "Prices.pdf", "doc_3": "Rules.pdf"}
    documents = Names(by_id=names, paths={"doc_1": "old/Prices.pdf", "doc_2": "new/Prices.pdf"}, any_case=True)
    directory = Directory(documents=documents)
    stored = one_step("knowledge", query="x", files=["doc_1", "RULES.PDF", "{{inputs.file}}"])
    portable = directory.portable(stored)
    assert portable == one_step("knowledge", query="x", files=["old/Prices.pdf", "Rules.pdf", "{{inputs.file}}"])
    assert directory.read(portable, [])[1] == []


def test_what_was_unknown_before_passes_and_what_is_new_is_told() -> None:
    directory = Directory(agents=Names(by_id={"agt_1": "Helper"}))
    dangling = one_step("agent", agent_id="agt_gone", prompt="x")
    assert directory.read(dangling, references(dangling)) == (dangling, [])
    assert directory.read(dangling, [])[1] == [("steps[0].config.agent_id", "there is no agent 'agt_gone'")]


def test_tool_servers_are_looked_up_at_their_agent() -> None:
    directory = Directory(
        agents=Names(by_id={"agt_1": "Helper", "agt_2": "Stub"}),
        servers={"agt_1": Names(by_id={"mcp_1": "crm"})},
        stubs=frozenset({"agt_2"}),
    )
    wish = one_step("mcp", agent_id="Helper", server="mcp_1", tool="find")
    assert directory.read(wish, []) == (one_step("mcp", agent_id="Helper", server="crm", tool="find"), [])
    assert directory.read(one_step("mcp", agent_id="Helper", server="erp", tool="find"), [])[1]
    for open_one in (one_step("mcp", agent_id="Stub", server="erp", tool="x"), one_step("mcp", server="erp", tool="x")):
        assert directory.read(open_one, [])[1] == []


def test_steps_inside_loops_are_references_too() -> None:
    inner = {"type": "agent", "config": {"agent_id": "Helper", "prompt": "x"}}
    found = references(one_step("map", items=[1], step=inner))
    assert [(one.kind, one.value, one.place) for one in found] == [
        ("agent", "Helper", "steps[0].config.step.config.agent_id")
    ]
