"""The tools `create_pdf` and `create_deck`: the file is stored and its address returned."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import quote

import anyio.to_thread

from trivium.adapters.tools.making.deck import SLIDES_MAX, Slide, write_deck
from trivium.adapters.tools.making.pdf import write_pdf
from trivium.core.errors import Conflict, NotFound
from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.desk import MadeFile
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports import BlobStore, Clock, Store, ToolContext, ToolResult

_TEXT_CHARS_MAX = 300_000
_COLOUR = re.compile(r"#?([0-9A-Fa-f]{6})")
_UNSAFE = re.compile(r"[^\w .()-]+")
_PDF = "application/pdf"
_PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_TITLE: JSONObject = {"type": "string", "minLength": 1, "maxLength": 200}
_SPECS = {
    "create_pdf": ToolSpec(
        name="create_pdf",
        description="Make a PDF document. Returns its address; give it to the visitor as a link.",
        input_schema={
            "type": "object",
            "properties": {
                "title": _TITLE,
                "text": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": _TEXT_CHARS_MAX,
                    "description": "The text in simple Markdown: # headings, lists, paragraphs.",
                },
            },
            "required": ["title", "text"],
            "additionalProperties": False,
        },
        is_repeatable=True,
        source="builtin",
    ),
    "create_deck": ToolSpec(
        name="create_deck",
        description="Make a presentation (PPTX). Returns its address; give it to the visitor as a link.",
        input_schema={
            "type": "object",
            "properties": {
                "title": _TITLE,
                "slides": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": SLIDES_MAX,
                    "items": {
                        "type": "object",
                        "properties": {
                            "title": {"type": "string", "maxLength": 200},
                            "lines": {
                                "type": "array",
                                "maxItems": 20,
                                "items": {"type": "string", "maxLength": 1000},
                            },
                        },
                        "required": ["title"],
                    },
                },
                "brand_color": {"type": "string", "description": "Six hex digits, such as #0967D2."},
            },
            "required": ["title", "slides"],
            "additionalProperties": False,
        },
        is_repeatable=True,
        source="builtin",
    ),
}


class MakingTools:
    """See `core.ports.ToolHost`. A repeated call finds the file it made. `base_url` may be empty: then paths."""

    def __init__(self, *, store: Store, blobs: BlobStore, clock: Clock, base_url: str) -> None:
        self._store = store
        self._blobs = blobs
        self._clock = clock
        self._base_url = base_url.rstrip("/")

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return those that are switched on."""
        wanted = {tool.type.removeprefix("builtin:"): tool for tool in agent.tools}
        return [
            replace(spec, requires_approval=wanted[name].requires_approval)
            for name, spec in _SPECS.items()
            if name in wanted
        ]

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Write and store the file; the answer says what of the text could not be kept."""
        title = str(tool_input["title"])
        if name == "create_pdf":
            written = await anyio.to_thread.run_sync(write_pdf, title, str(tool_input["text"]))
            file = await self._stored(context, f"{_file_name(title)}.pdf", _PDF, written.data)
            warnings: list[JSON] = [*written.warnings]
            return self._answer(file, {"pageCount": written.page_count, "warnings": warnings})
        if name == "create_deck":
            slides = [_slide(one) for one in _list(tool_input.get("slides"))]
            match = _COLOUR.fullmatch(str(tool_input.get("brand_color") or "0967D2"))
            colour = match[1].upper() if match else "0967D2"
            data = await anyio.to_thread.run_sync(lambda: write_deck(title, slides, colour=colour))
            file = await self._stored(context, f"{_file_name(title)}.pptx", _PPTX, data)
            notes: list[JSON] = [] if match else ["brand_color is no colour and was not used."]
            return self._answer(file, {"slideCount": len(slides) + 1, "warnings": notes})
        raise NotFound("tool", name)

    def _answer(self, file: MadeFile, more: Mapping[str, JSON]) -> ToolResult:
        url = f"{self._base_url}/files/{file.id}/{quote(file.name)}"
        return ToolResult(output={"fileUrl": url, "name": file.name, "size": file.size_bytes, **more})

    async def _stored(self, context: ToolContext, name: str, mime_type: str, data: bytes) -> MadeFile:
        call_key = f"{context.run_id}/{context.call_id}"
        organization_id = context.organization_id
        known = await self._store.read(lambda tx: tx.made_files.first(organization_id, call_key=call_key))
        if known is not None:
            return known
        file_id = f"made_{secrets.token_hex(24)}"
        file = MadeFile(
            id=file_id,
            organization_id=organization_id,
            agent_id=context.agent.id,
            name=name,
            mime_type=mime_type,
            size_bytes=len(data),
            blob_key=f"made/{organization_id}/{file_id}",
            created_at=self._clock.now(),
            call_key=call_key,
            conversation_id=context.conversation_id,
        )
        await self._blobs.put(file.blob_key, data)
        try:
            await self._store.write(lambda tx: tx.made_files.add(file))
        except Conflict:
            # The same call was made twice at once: one file is enough.
            await self._blobs.delete(file.blob_key)
            return await self._store.read(lambda tx: tx.made_files.first(organization_id, call_key=call_key) or file)
        return file


def _file_name(title: str) -> str:
    return _UNSAFE.sub(" ", title).strip(" .")[:80].strip() or "document"


def _list(value: JSON) -> Sequence[JSONObject]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _slide(value: JSONObject) -> Slide:
    lines = value.get("lines")
    return Slide(title=str(value["title"]), lines=[str(one) for one in lines] if isinstance(lines, list) else [])
