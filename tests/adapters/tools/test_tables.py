"""Rows of CSV files, under the conditions of the caller."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from tests.stores import sqlite_store
from trivium.adapters.blobs.files import FileBlobs
from trivium.adapters.blobs.tree import FolderTree
from trivium.adapters.tools.tables import TableTool
from trivium.core.errors import InvalidRequest, NotFound
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.knowledge import Document
from trivium.core.model.runs import FilterHint
from trivium.core.ports import Store, ToolContext, ToolResult

NOW = datetime(2026, 1, 5, tzinfo=UTC)
AGENT = Agent(
    id="a1",
    organization_id="o1",
    name="Plant",
    created_at=NOW,
    updated_at=NOW,
    tools=(ToolConfig(type="csv_search", config={"documents": ["prices.csv"]}),),
)
MAY = b"Plant;Output;Target;City\r\n7;96;100;Porto\r\n8;120;100;Lisboa\r\n9;99;100;Porto Covo\r\n"


class Bench:
    def __init__(self, store: Store, folder: Path) -> None:
        self.store = store
        self.blobs = FileBlobs(folder / "blobs")
        self.tree = FolderTree(folder / "files")
        self.tool = TableTool(store=store, blobs=self.blobs, files=self.tree)

    async def put(self, path: str, data: bytes) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            yield data

        await self.tree.write("a1", path, pieces(), size_max=1_000_000)

    async def put_document(self, name: str, organization_id: str) -> None:
        key = f"{organization_id}-{name.removesuffix('.csv')}"
        await self.blobs.put(key, b"item,price\nbolt,3\n")
        document = Document(
            id=key,
            organization_id=organization_id,
            name=name,
            mime_type="text/csv",
            size_bytes=18,
            sha256="",
            blob_key=key,
            created_at=NOW,
            updated_at=NOW,
        )
        await self.store.write(lambda tx: tx.documents.add(document))

    async def call(self, tool_input: JSONObject, *hints: FilterHint, agent: Agent = AGENT) -> ToolResult:
        context = ToolContext(
            organization_id=agent.organization_id,
            agent=agent,
            conversation_id="c1",
            run_id="r1",
            call_id="k1",
            filter_hints=hints,
        )
        return await self.tool.call("csv_search", tool_input, context)

    async def plants(self, tool_input: JSONObject, *hints: FilterHint) -> list[str]:
        output = cast("JSONObject", (await self.call(tool_input, *hints)).output)
        return [str(cast("JSONObject", row)["Plant"]) for row in cast("list[object]", output["rows"])]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with sqlite_store(tmp_path) as store:
        bench = Bench(store, tmp_path)
        await bench.put("data/may.csv", MAY)
        yield bench


def hint(key: str, value: JSON, operator: str = "equals", tool_name: str = "csv_search") -> FilterHint:
    return FilterHint(tool_name=tool_name, key=key, value=value, operator=operator)


async def test_rows_with_the_most_words_of_the_query_come_first(bench: Bench) -> None:
    assert await bench.plants({"file_path": "data/may.csv", "query": "covo porto output"}) == ["9", "7"]
    result = await bench.call({"query": "lisboa"})
    assert result.sources[0].quote == "Plant: 8; Output: 120; Target: 100; City: Lisboa"


async def test_filters_of_the_model_are_conditions(bench: Bench) -> None:
    condition: JSONObject = {"column": "output", "operator": "less_than", "value": 100}
    assert await bench.plants({"filters": [condition]}) == ["7", "9"]


async def test_hints_of_the_caller_bind_every_row_for_this_tool_only(bench: Bench) -> None:
    assert await bench.plants({"query": "porto"}, hint("city", "Porto"), hint("city", "x", tool_name="other")) == ["7"]
    assert await bench.plants({}, hint("output", 99, "at_least")) == ["8", "9"]


async def test_a_hint_for_an_unknown_column_hides_the_file(bench: Bench) -> None:
    with pytest.raises(InvalidRequest) as raised:
        await bench.plants({}, hint("country", "PT"))
    assert raised.value.code == "unknown_column"


async def test_listed_documents_can_be_looked_into_and_no_others(bench: Bench) -> None:
    for name, organization_id in (("prices.csv", "o1"), ("secret.csv", "o1"), ("prices.csv", "o2")):
        await bench.put_document(name, organization_id)
    output = cast("JSONObject", (await bench.call({"file_path": "prices.csv"})).output)
    assert output["rows"] == [{"item": "bolt", "price": "3"}]
    with pytest.raises(NotFound, match=r"There are: data/may\.csv, prices\.csv"):
        await bench.call({"file_path": "secret.csv"})


async def test_files_of_another_agent_are_not_there(bench: Bench) -> None:
    with pytest.raises(NotFound, match="There are: none"):
        await bench.call({"file_path": "data/may.csv"}, agent=replace(AGENT, id="a2", tools=()))
    for path in ("../a1/data/may.csv", "/etc/passwd"):
        with pytest.raises(NotFound):
            await bench.call({"file_path": path})


@pytest.mark.parametrize("data", [b"", b"\n\n"])
async def test_an_empty_file_is_no_table(bench: Bench, data: bytes) -> None:
    await bench.put("bad.csv", data)
    with pytest.raises(InvalidRequest) as raised:
        await bench.call({"file_path": "bad.csv"})
    assert raised.value.code == "not_a_table"


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"a,a\n1\n1,2,3\n", b"caf\xe9\nol\xe9\n", b'a,b\n"1,2\n'])
async def test_untidy_files_are_read_as_far_as_they_go(bench: Bench, data: bytes) -> None:
    await bench.put("odd.csv", data)
    output = cast("JSONObject", (await bench.call({"file_path": "odd.csv"})).output)
    assert output["file"] == "odd.csv"
    assert output["columns"]
