"""The tool an agent searches its documents with."""

from collections.abc import Sequence
from dataclasses import replace

from trivium.core.errors import NotFound
from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.knowledge import OWNER, PROGRAM, Asker, Condition, Source
from trivium.core.ports import FoundPassage, Store, ToolContext, ToolResult, Transaction
from trivium.core.services.knowledge import POSSIBLY_FROM, QUOTE_FROM, Knowledge, SearchScope
from trivium.core.services.unanswered import Unanswered

SEARCH_TOOL = "search_knowledge"
TOOL_TYPES = frozenset({"knowledge_base", "search", "builtin:search", SEARCH_TOOL})
_TOP_K = 6
_TOP_MAX = 20
_QUOTE_CHARACTERS_MAX = 400
_SPEC = ToolSpec(
    name=SEARCH_TOOL,
    description=(
        "Search the organization's own documents. Returns passages with document, page and score; "
        "base the answer on them and say so when none fits."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "What to look for, as a full question."},
            "top_k": {"type": "integer", "minimum": 1, "maximum": _TOP_MAX, "description": "How many passages."},
        },
        "required": ["query"],
    },
    is_repeatable=True,
    timeout_s=30.0,
    source="builtin",
)


class KnowledgeTool:
    """See `core.ports.ToolHost`. Offered to agents with a knowledge tool in their configuration, or any documents."""

    def __init__(self, *, knowledge: Knowledge, unanswered: Unanswered, store: Store) -> None:
        self._knowledge = knowledge
        self._unanswered = unanswered
        self._store = store

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the search tool when there is something to search."""
        tools = [tool for tool in agent.tools if tool.type in TOOL_TYPES]
        if any(tool.requires_approval for tool in tools):
            return (replace(_SPEC, requires_approval=True),)
        if tools or await self._has_documents(agent.organization_id):
            return (_SPEC,)
        return ()

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Return the passages that may answer; what the asker may not read is not among them."""
        if name != SEARCH_TOOL:
            raise NotFound("tool", name)
        query, top_k = str(tool_input.get("query", "")), tool_input.get("top_k", _TOP_K)
        scope, tracks_unanswered = await self._store.read(lambda tx: _scope(tx, context))
        found = await self._knowledge.search(
            context.organization_id,
            query,
            scope=scope,
            top_k=min(max(top_k, 1), _TOP_MAX) if isinstance(top_k, int) else _TOP_K,
        )
        useful = [one for one in found if one.score >= POSSIBLY_FROM]
        if tracks_unanswered and not any(one.score >= QUOTE_FROM for one in useful):
            await self._unanswered.record(context.organization_id, context.agent.id, query)
        return ToolResult(
            output={"passages": [_shown(number, one) for number, one in enumerate(useful, 1)]},
            sources=tuple(source_of(one) for one in useful),
        )

    async def _has_documents(self, organization_id: str) -> bool:
        return await self._store.read(lambda tx: tx.documents.first(organization_id) is not None)


def source_of(found: FoundPassage) -> Source:
    """Return the citation of a passage."""
    passage = found.passage
    quote = passage.text
    if len(quote) > _QUOTE_CHARACTERS_MAX:
        quote = quote[:_QUOTE_CHARACTERS_MAX].rsplit(" ", 1)[0] + " …"
    return Source(
        document_id=passage.document_id,
        name=found.document_name,
        quote=quote,
        score=found.score,
        passage_id=passage.id,
        page=passage.page,
        start_s=passage.start_s,
        heading=passage.heading,
    )


def _shown(number: int, found: FoundPassage) -> JSON:
    passage = found.passage
    shown: JSONObject = {
        "number": number,
        "passage_id": passage.id,
        "document_id": passage.document_id,
        "name": found.document_name,
        "heading": passage.heading,
        "page": passage.page,
        "start_s": passage.start_s,
        "score": found.score,
        "relevance": "good" if found.score >= QUOTE_FROM else "possible",
        "text": passage.context or passage.text,
    }
    return {key: value for key, value in shown.items() if value not in (None, "")}


def _scope(tx: Transaction, context: ToolContext) -> tuple[SearchScope, bool]:
    """Return where to look, and whether questions without an answer are kept.

    It is the documents named in the agent's knowledge tools, in the collection the conversation was begun in.
    """
    conversation = tx.conversations.first(context.organization_id, id=context.conversation_id)
    collection_id = conversation.metadata.get("collection_id") if conversation is not None else None
    collection = tx.collections.first(context.organization_id, id=str(collection_id)) if collection_id else None
    names: list[str] = []
    for tool in context.agent.tools:
        if tool.type in TOOL_TYPES:
            own = [str(tool.config[key]) for key in ("document_id", "name") if tool.config.get(key)]
            if not own and tool.type != SEARCH_TOOL:
                # Beside a tool for some documents stands one for all.
                names = []
                break
            names += own
    conditions = tuple(
        Condition(key=hint.key, value=hint.value, operator=hint.operator) for hint in context.filter_hints
    )
    scope = SearchScope(
        agent_id=context.agent.id,
        collection_ids=(str(collection_id),) if collection_id else (),
        asker=asker_of(tx, context),
        names=tuple(names),
        conditions=conditions,
        conditions_are_hints=True,
    )
    return scope, collection is None or collection.settings.get("tracks_unanswered") is not False


def asker_of(tx: Transaction, context: ToolContext) -> Asker:
    """Return who asks: the visitor of the run, a person of the organization, or else a program with a key."""
    if context.visitor_id is not None:
        visitor = tx.visitors.first(context.organization_id, id=context.visitor_id)
        if visitor is None:
            return Asker(has_link=True)
        return Asker(
            has_link=True,
            is_authenticated=visitor.is_authenticated,
            email=visitor.email,
            groups=visitor.groups,
        )
    run = tx.runs.first(context.organization_id, id=context.run_id)
    if run is not None and run.principal_id and tx.users.by_id(run.principal_id) is not None:
        places = {one.organization_id for one in tx.users.memberships(run.principal_id)}
        return OWNER if context.organization_id in places else PROGRAM
    return PROGRAM
