"""The tool that looks things up in CSV files."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import anyio.to_thread

from trivium.core.errors import InvalidRequest, LimitExceeded, NotFound
from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.filters import OPERATORS, matches, normal_operator
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.knowledge import Document, Source
from trivium.core.ports import BlobStore, FileTree, Store, ToolContext, ToolResult, Transaction

NAME = "csv_search"
TYPES = frozenset({NAME, "csv_lookup"})
_SIZE_BYTES_MAX = 20_000_000
_ROWS_MAX = 100
_ROWS_DEFAULT = 20
_CELL_CHARS_MAX = 500
_FILES_MAX = 1_000
_DOCUMENTS_MAX = 20
_WORD = re.compile(r"\w+")
_SPEC = ToolSpec(
    name=NAME,
    description=(
        "Look up rows in a CSV file. `query`: words that rows are ranked by; `filters`: conditions that rows must "
        "meet. Returns the columns, the rows and how many there were."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "file_path": {"type": "string", "description": "Name or path of the file; missing: the only one there is."},
            "query": {"type": "string", "maxLength": 1000},
            "filters": {
                "type": "array",
                "maxItems": 20,
                "items": {
                    "type": "object",
                    "properties": {
                        "column": {"type": "string"},
                        "operator": {"type": "string", "enum": list[JSON](OPERATORS)},
                        "value": {},
                    },
                    "required": ["column", "value"],
                },
            },
            "limit": {"type": "integer", "minimum": 1, "maximum": _ROWS_MAX},
        },
        "additionalProperties": False,
    },
    is_repeatable=True,
    timeout_s=30.0,
    source="builtin",
)


@dataclass(frozen=True, kw_only=True)
class _Condition:
    column: str
    operator: str
    value: JSON


@dataclass(frozen=True, kw_only=True)
class _File:
    """A file the agent may look into; `document` is None for one below the agent's root."""

    path: str
    document: Document | None = None


class TableTool:
    """See `core.ports.ToolHost`. Offered where the agent's configuration names it.

    It sees the CSV files below the agent's root, and the documents that the tool's configuration lists by name or id
    (`documents`). A caller's filter hints for it are conditions that every row meets; a hint for a column that a file
    does not have hides the whole file, so that a typing error shows nothing.
    """

    def __init__(self, *, store: Store, blobs: BlobStore, files: FileTree) -> None:
        self._store = store
        self._blobs = blobs
        self._files = files

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the tool when it is switched on."""
        tools = [tool for tool in agent.tools if tool.type.removeprefix("builtin:") in TYPES]
        needs = any(tool.requires_approval for tool in tools)
        return [replace(_SPEC, requires_approval=needs)] if tools else []

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Return the rows that meet all conditions, those with the most words of the query first."""
        conditions = [
            _Condition(column=hint.key, operator=normal_operator(hint.operator), value=hint.value)
            for hint in context.filter_hints
            if hint.tool_name == name
        ]
        file = _choose(await self._tables(context), str(tool_input.get("file_path") or ""))
        output = await anyio.to_thread.run_sync(_look_up, await self._read(file, context), conditions, tool_input)
        rows = cast("list[JSON]", output["rows"])
        quote = "; ".join(f"{key}: {value}" for key, value in cast("JSONObject", rows[0]).items()) if rows else ""
        document_id = file.document.id if file.document is not None else file.path
        sources = (Source(document_id=document_id, name=file.path, quote=quote[:400], score=1.0),) if rows else ()
        return ToolResult(output={"file": file.path, **output}, sources=sources)

    async def _tables(self, context: ToolContext) -> list[_File]:
        tree = await self._files.find(context.agent.id, limit=_FILES_MAX)
        documents = await self._store.read(lambda tx: _listed_documents(tx, context.agent))
        return [
            *(_File(path=file.path) for file in tree if _is_table(file.path)),
            *(_File(path=f"{one.folder.strip('/')}/{one.name}".lstrip("/"), document=one) for one in documents),
        ]

    async def _read(self, file: _File, context: ToolContext) -> bytes:
        if file.document is None:
            return await self._files.read(context.agent.id, file.path, size_max=_SIZE_BYTES_MAX)
        if file.document.size_bytes > _SIZE_BYTES_MAX:
            raise LimitExceeded(f"{file.path} is larger than 20 MB.", is_size=True)
        return await self._blobs.get(file.document.blob_key)


def _listed_documents(tx: Transaction, agent: Agent) -> list[Document]:
    listed = [tool.config.get("documents") for tool in agent.tools if tool.type.removeprefix("builtin:") in TYPES]
    found = []
    for name in [str(name) for names in listed if isinstance(names, list) for name in names][:_DOCUMENTS_MAX]:
        document = tx.documents.first(agent.organization_id, id=name) or tx.documents.first(
            agent.organization_id, name=name
        )
        if document is not None and document.agent_id in (None, agent.id):
            found.append(document)
    return found


def _choose(files: list[_File], wanted: str) -> _File:
    """Return the file that is meant: by path, else by name without regard to case, else the only one."""
    plain = wanted.strip().lstrip("/").casefold()
    if not plain and len(files) == 1:
        return files[0]
    by_path = [file for file in files if file.path.casefold() == plain]
    by_name = [file for file in files if file.path.casefold().rsplit("/", 1)[-1] == plain]
    if by_path or by_name:
        return (by_path or by_name)[0]
    names = ", ".join(file.path for file in files[:20]) or "none"
    raise NotFound("file", wanted, message=f"No such CSV file. There are: {names}.")


def _is_table(path: str) -> bool:
    return path.lower().endswith((".csv", ".tsv"))


def _look_up(data: bytes, hints: list[_Condition], tool_input: JSONObject) -> JSONObject:
    """Blocking."""
    header, rows = _parse(data)
    columns = {name.casefold(): index for index, name in enumerate(header)}
    conditions = hints + _asked(tool_input)
    missing = [one.column for one in conditions if one.column.casefold() not in columns]
    if missing:
        raise InvalidRequest(f"No column {missing[0]!r}. The columns are: {', '.join(header)}.", code="unknown_column")
    tests = [(columns[one.column.casefold()], one.operator, one.value) for one in conditions]
    kept = [row for row in rows if all(matches(row[index], operator, value) for index, operator, value in tests)]
    words = {word.casefold() for word in _WORD.findall(str(tool_input.get("query") or ""))} - set(columns)
    if words:
        ranked = [(sum(word in _words(row) for word in words), row) for row in kept]
        # The sort is stable: rows with as many words stay in the order of the file.
        kept = [row for hits, row in sorted(ranked, key=lambda pair: -pair[0]) if hits]
    limit = tool_input.get("limit")
    shown = kept[: limit if isinstance(limit, int) else _ROWS_DEFAULT]
    return {
        "columns": list[JSON](header),
        "rows": [{name: cell[:_CELL_CHARS_MAX] for name, cell in zip(header, row, strict=True)} for row in shown],
        "matched": len(kept),
        "total": len(rows),
    }


def _asked(tool_input: JSONObject) -> list[_Condition]:
    filters = tool_input.get("filters")
    return [
        _Condition(
            column=str(one.get("column", "")),
            operator=normal_operator(str(one.get("operator") or "equals")),
            value=one.get("value"),
        )
        for one in (filters if isinstance(filters, list) else [])
        if isinstance(one, dict)
    ]


def _words(row: list[str]) -> set[str]:
    return {word.casefold() for cell in row for word in _WORD.findall(cell)}


def _parse(data: bytes) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows, each as long as the header; InvalidRequest when there is no table in it."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    first_line = text.split("\n", 1)[0]
    delimiter = max(",;\t|", key=first_line.count)
    try:
        lines = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise InvalidRequest(f"The file is no CSV file: {error}.", code="not_a_table") from error
    if not lines:
        raise InvalidRequest("The file is empty.", code="not_a_table")
    header: list[str] = []
    for number, cell in enumerate(lines[0], 1):
        name = cell.strip() or f"column {number}"
        header.append(name if name not in header else f"{name} ({number})")
    width = len(header)
    return header, [(row + [""] * width)[:width] for row in lines[1:]]
