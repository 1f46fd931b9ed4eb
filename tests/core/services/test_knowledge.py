"""Documents are indexed once, replaced in one step, and gone when they are deleted."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.clock import HandClock
from tests.knowledge import ORG, OTHER, Library, open_library
from trivium.core.errors import Conflict, InvalidRequest, LimitExceeded, NotFound
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.model.knowledge import Condition
from trivium.core.model.runs import FilterHint
from trivium.core.ports import ToolContext
from trivium.core.services.knowledge import Knowledge, SearchScope, Upload
from trivium.core.services.knowledge_tool import KnowledgeTool

RETURNS = "Returns are accepted within 30 days of delivery. Keep the receipt of the parcel."
GARDEN = "The garden opens at nine in the morning and closes at dusk, except on Mondays."


@pytest.fixture
async def library(tmp_path: Path) -> AsyncIterator[Library]:
    async with open_library(tmp_path) as library:
        yield library


async def texts(library: Library, query: str, organization_id: str = ORG, **scope: object) -> list[str]:
    found = await library.knowledge.search(organization_id, query, scope=SearchScope(**scope))  # type: ignore[arg-type]
    return [one.passage.text for one in found]


async def test_what_is_added_is_found_by_its_organization_only(library: Library) -> None:
    document = await library.add("returns.txt", RETURNS)
    assert (document.status, document.progress, document.passage_count) == ("ready", 100, 1)
    assert await texts(library, "How long can I return something?") == [RETURNS]
    assert await texts(library, "How long can I return something?", OTHER) == []
    with pytest.raises(NotFound):
        await library.knowledge.get(OTHER, document.id)


async def test_the_old_version_is_found_until_the_new_one_is_ready(library: Library) -> None:
    await library.add("house.txt", RETURNS)
    added = await library.knowledge.add(ORG, Upload(name="house.txt"), GARDEN.encode())
    assert added.status == "processing"
    assert await texts(library, "returns") == [RETURNS]
    await library.work()
    assert await texts(library, "returns") == [GARDEN]
    assert len(library.files()) == 1


async def test_a_version_overtaken_by_a_newer_one_never_shows(library: Library) -> None:
    await library.knowledge.add(ORG, Upload(name="house.txt"), RETURNS.encode())
    await library.knowledge.add(ORG, Upload(name="house.txt"), GARDEN.encode())
    assert await library.work() == 2
    assert await texts(library, "anything") == [GARDEN]
    assert len(await library.knowledge.find(ORG)) == 1


async def test_the_same_bytes_are_not_indexed_again(library: Library) -> None:
    first = await library.add("house.txt", RETURNS)
    again = await library.knowledge.add(ORG, Upload(name="house.txt"), RETURNS.encode())
    assert (again.id, again.status) == (first.id, "ready")
    assert await library.work() == 0
    assert len(library.files()) == 1


async def test_a_failed_replacement_leaves_the_earlier_version_in_use(library: Library) -> None:
    await library.add("house.txt", RETURNS)
    failed = await library.add("house.txt", b"\x00\x01\x02\x03 binary")
    assert failed.status == "failed"
    assert "earlier version" in (failed.error or "")
    assert await texts(library, "returns") == [RETURNS]


async def test_deleting_removes_text_vectors_and_files(library: Library) -> None:
    document = await library.add("house.txt", RETURNS)
    await library.knowledge.delete(ORG, document.id)
    assert library.files() == []
    assert await texts(library, "returns") == []
    assert await library.store.read(lambda tx: tx.passages.count(ORG)) == 0
    assert await library.store.read(lambda tx: tx.passages.details(ORG, library.index.id, ["x"])) == {}


async def test_a_document_is_resolved_by_name_path_and_case(library: Library) -> None:
    one = await library.add("Terms.txt", RETURNS, folder="Legal")
    resolved = await library.knowledge.resolve(ORG, "terms.TXT")
    assert (resolved.document.id, resolved.matched_by) == (one.id, "name_ci")
    assert (await library.knowledge.resolve(ORG, "Legal/Terms.txt")).matched_by == "path"
    await library.add("Terms.txt", GARDEN, folder="Other")
    with pytest.raises(Conflict):
        await library.knowledge.resolve(ORG, "Terms.txt")
    with pytest.raises(NotFound):
        await library.knowledge.resolve(OTHER, "Terms.txt")


async def test_too_many_bytes_are_refused_and_nothing_stays(library: Library) -> None:
    small = Knowledge(
        store=library.store,
        blobs=library.blobs,
        extractor=library.knowledge._extractor,
        indexing=library.indexing,
        searching=library.knowledge._searching,
        jobs=library.jobs,
        clock=library.clock,
        size_max_bytes=10,
    )
    with pytest.raises(LimitExceeded) as refused:
        await small.add(ORG, Upload(name="a.txt"), b"01234567890")
    assert refused.value.is_size
    assert library.files() == []
    for name in ("", "a\nb", "x" * 300):
        with pytest.raises(InvalidRequest):
            await small.add(ORG, Upload(name=name), b"0")


async def test_an_edited_passage_is_found_by_its_new_words(library: Library) -> None:
    document = await library.add("list.csv", "name,price\nRose pot,4\nOak bench,90\n")
    bench = (await library.knowledge.passages(ORG, document.id))[1]
    await library.knowledge.edit_passage(ORG, bench.id, "The oak bench is sold out until spring.")
    best = (await texts(library, "When can I buy the oak bench?"))[0]
    assert best == "The oak bench is sold out until spring."
    assert len(await library.knowledge.passages(ORG, document.id)) == 2


async def test_filters_look_at_the_columns_of_rows(library: Library) -> None:
    await library.add("stock.csv", "unitname,item,price\nNorth,desk,100\nSouth,desk,80\nSouth,chair,40\n")
    await library.add("about.txt", GARDEN)
    south = Condition(key="UnitName", value="south")
    cheap = Condition(key="price", value=50, operator="lt")
    assert len(await texts(library, "desk", conditions=(south,))) == 2
    assert await texts(library, "desk", conditions=(south, cheap)) == ["unitname: South; item: chair; price: 40"]
    assert GARDEN in await texts(library, "desk", conditions=(south,), conditions_are_hints=True)
    with pytest.raises(InvalidRequest):
        await texts(library, "desk", conditions=(Condition(key="a", value=1, operator="like"),))


async def test_a_preview_stores_nothing(library: Library) -> None:
    chunks = await library.knowledge.preview(b"# Opening\n\nWe open at nine.", name="a.md")
    assert [(one.heading, one.text) for one in chunks] == [("Opening", "We open at nine.")]
    assert library.files() == []
    assert await library.knowledge.find(ORG) == []


def agent(*tools: ToolConfig) -> Agent:
    at = HandClock().now()
    return Agent(id="agt_1", organization_id=ORG, name="A", created_at=at, updated_at=at, tools=tools)


def asked(of: Agent, *hints: FilterHint) -> ToolContext:
    return ToolContext(
        organization_id=of.organization_id,
        agent=of,
        conversation_id="cnv_1",
        run_id="run_1",
        call_id="call_1",
        filter_hints=hints,
    )


async def test_the_tool_is_offered_where_there_is_something_to_search(library: Library) -> None:
    tool = KnowledgeTool(knowledge=library.knowledge, unanswered=library.unanswered, store=library.store)
    assert await tool.specs(agent()) == ()
    assert [spec.name for spec in await tool.specs(agent(ToolConfig(type="knowledge_base")))] == ["search_knowledge"]


async def test_the_tool_returns_passages_with_sources(library: Library) -> None:
    document = await library.add("returns.txt", RETURNS)
    await library.add("garden.txt", GARDEN)
    tool = KnowledgeTool(knowledge=library.knowledge, unanswered=library.unanswered, store=library.store)
    named = agent(ToolConfig(type="knowledge_base", config={"document_id": document.id}))
    result = await tool.call("search_knowledge", {"query": "How long can I return an item?"}, asked(named))
    assert [(source.document_id, source.quote) for source in result.sources] == [(document.id, RETURNS)]
    output: Any = result.output
    assert [one["name"] for one in output["passages"]] == ["returns.txt"]
    garden = await tool.call("search_knowledge", {"query": "When does the garden open?"}, asked(named))
    assert garden.sources == ()


async def test_unanswered_questions_are_grouped_by_meaning(library: Library) -> None:
    await library.add("returns.txt", RETURNS)
    tool = KnowledgeTool(knowledge=library.knowledge, unanswered=library.unanswered, store=library.store)
    for question in ("Do you sell gift cards?", "Can I buy a gift card from you?", "Who is the mayor of Paris?"):
        await tool.call("search_knowledge", {"query": question}, asked(agent()))
        await library.work()
    groups = await library.unanswered.list(ORG, "agt_1")
    assert sorted((group.question, group.count) for group in groups) == [
        ("Do you sell gift cards?", 2),
        ("Who is the mayor of Paris?", 1),
    ]
    await library.unanswered.resolve(ORG, groups[0].id)
    assert len(await library.unanswered.list(ORG, "agt_1")) == 1
