"""The tool that finds pictures among the organization's own documents by name, folder, caption and recognised text."""

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

from trivium.core.errors import NotFound
from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.knowledge import Asker, Document
from trivium.core.ports import Store, ToolContext, ToolResult, Transaction
from trivium.core.services.knowledge_tool import asker_of
from trivium.core.services.visibility import judge

TYPES = frozenset({"image_search", "builtin:image_search"})
_KINDS = ("image/png", "image/jpeg", "image/gif", "image/webp")
_PER_KIND_MAX = 2_000
_COUNT, _COUNT_MAX = 5, 20
_WORD = re.compile(r"\w+")
_TEXT_CHARS = 300
_QUERY_CHARS_MAX = 300
_SPEC = ToolSpec(
    name="image_search",
    description=(
        "Find pictures among the organization's own files by words of their name, folder or caption. Returns names, "
        "captions and addresses."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "query": {"type": "string"},
            "count": {"type": "integer", "minimum": 1, "maximum": _COUNT_MAX},
        },
        "required": ["query"],
    },
    is_repeatable=True,
    source="builtin",
)


class ImageSearch:
    """See `core.ports.ToolHost`. What the asker may not read is not among the results."""

    def __init__(self, *, store: Store) -> None:
        self._store = store

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the tool when it is switched on."""
        tool = next((tool for tool in agent.tools if tool.type in TYPES), None)
        return () if tool is None else (replace(_SPEC, requires_approval=tool.requires_approval),)

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Return the pictures whose words fit best; none when no word fits."""
        if name != _SPEC.name:
            raise NotFound("tool", name)
        words = set(_words(str(tool_input["query"])[:_QUERY_CHARS_MAX]))
        count = int(str(tool_input.get("count") or _COUNT))
        documents = await self._store.read(lambda tx: _pictures(tx, context))
        ranked = [(_fit(words, document), document) for document in documents]
        best = sorted((pair for pair in ranked if pair[0] > 0), key=lambda pair: (-pair[0], pair[1].name))
        images: list[JSON] = [_shown(document, score) for score, document in best[:count]]
        return ToolResult(output={"images": images})


def _pictures(tx: Transaction, context: ToolContext) -> list[Document]:
    asker: Asker = asker_of(tx, context)
    found = [
        document
        for kind in _KINDS
        for document in tx.documents.find(
            context.organization_id, mime_type=kind, limit=_PER_KIND_MAX, newest_first=True
        )
        if document.agent_id in (None, context.agent.id)
    ]
    used = {document.collection_id for document in found if document.collection_id is not None}
    collections = {one.id: one for one in tx.collections.find(context.organization_id, limit=10_000)} if used else {}
    return [document for document in found if judge(document, collections, asker).is_visible]


def _fit(words: set[str], document: Document) -> float:
    """Return the share of the words that the picture has; a caption and a name count the same."""
    own = set(_words(" ".join((document.name, document.folder, _caption(document)))))
    hits = sum(1 for word in words if word in own or any(word[:5] == one[:5] and len(word) > 4 for one in own))
    return hits / len(words) if words else 0.0


def _words(text: str) -> Sequence[str]:
    return _WORD.findall(text.lower().replace("_", " "))


def _caption(document: Document) -> str:
    return " ".join(str(document.metadata.get(name) or "") for name in ("caption", "alt", "description", "title"))


def _shown(document: Document, score: float) -> JSONObject:
    return {
        "name": document.name,
        "caption": _caption(document).strip()[:_TEXT_CHARS],
        "folder": document.folder,
        "url": f"/files/{document.id}/{quote(document.name)}",
        "score": round(score, 2),
    }
