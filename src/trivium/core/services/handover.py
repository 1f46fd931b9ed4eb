"""The tools with which an agent hands a conversation to a person, or closes it."""

from collections.abc import Sequence
from dataclasses import replace

from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.conversations import ConversationStatus
from trivium.core.model.json import JSONObject
from trivium.core.ports import Store, ToolContext, ToolResult
from trivium.core.services.announcing import Announcing
from trivium.core.services.visitors import set_status

ESCALATE, RESOLVE = "escalate_conversation", "resolve_conversation"
_STATUS: dict[str, ConversationStatus] = {ESCALATE: "escalated", RESOLVE: "resolved"}
_TYPES = {"escalate": ESCALATE, "resolve": RESOLVE, "builtin:escalate": ESCALATE, "builtin:resolve": RESOLVE}
_REASON: JSONObject = {
    "type": "object",
    "properties": {"reason": {"type": "string", "description": "Why, in one sentence."}},
}
_SPECS = {
    ESCALATE: ToolSpec(
        name=ESCALATE,
        description=(
            "Hand the conversation to a person of the team. Use it when the visitor asks for a person, is upset, "
            "or needs what you cannot do."
        ),
        input_schema=_REASON,
        is_repeatable=True,
        source="builtin",
    ),
    RESOLVE: ToolSpec(
        name=RESOLVE,
        description="Close the conversation. Use it when the visitor says that the matter is settled.",
        input_schema=_REASON,
        is_repeatable=True,
        source="builtin",
    ),
}


class Handover:
    """See `core.ports.ToolHost`. Setting the same status twice changes nothing, so both tools may be repeated."""

    def __init__(self, *, store: Store, announcing: Announcing) -> None:
        self._store = store
        self._announcing = announcing

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the tools that are switched on for the agent."""
        wanted = {_TYPES[tool.type]: tool.requires_approval for tool in agent.tools if tool.type in _TYPES}
        return [replace(_SPECS[name], requires_approval=needs) for name, needs in wanted.items()]

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Set the conversation's status; a call outside a conversation says so."""
        status = _STATUS[name]
        if not context.conversation_id:
            return ToolResult(output="There is no conversation here.", is_error=True)
        await self._store.write(
            lambda tx: set_status(
                tx,
                self._announcing,
                context.organization_id,
                context.conversation_id,
                status=status,
                actor=context.agent.name,
            )
        )
        return ToolResult(output={"status": status}, conversation_status=status)
