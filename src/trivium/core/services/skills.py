"""Skills and the manner of an agent in its runs: what is always said, and what is loaded when it is needed."""

from collections.abc import Sequence

from trivium.core.model.agents import Agent, ToolSpec
from trivium.core.model.capabilities import McpServer, Skill
from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import Collection
from trivium.core.model.runs import Run
from trivium.core.ports import Store, ToolContext, ToolResult, Transaction
from trivium.core.services.prompt import Context
from trivium.core.services.remembered import Remembered

_TOOL = "load_skill"
_SKILLS_MAX = 500
_ALWAYS_CHARS_MAX = 60_000
_LENGTHS = {
    "short": "Answer in one to three sentences.",
    "concise": "Answer in one to three sentences.",
    "medium": "Answer in a paragraph or two.",
    "long": "Answer in detail.",
    "detailed": "Answer in detail.",
}


class Skills:
    """Offers an agent's skills: `always` ones as context, `on_demand` ones through a tool."""

    def __init__(self, *, store: Store, remembered: Remembered) -> None:
        self._store = store
        self._remembered = remembered

    async def context(self, run: Run, agent: Agent) -> Context | None:
        """Return what goes before the model in every run: manner, skills, what tool servers say about themselves."""
        # What a collection says about the manner is the only thing here that differs from run to run.
        kind = f"skills in {run.metadata.get('collection_id')}"
        return await self._remembered.get(kind, agent, lambda: self._read(run, agent))

    async def _read(self, run: Run, agent: Agent) -> Context | None:
        def unit(tx: Transaction) -> tuple[list[Skill], list[McpServer], Collection | None]:
            servers = tx.mcp_servers.find(agent.organization_id, agent_id=agent.id, enabled=True, limit=_SKILLS_MAX)
            return _enabled_skills(tx, agent), servers, _collection(tx, run)

        skills, servers, collection = await self._store.read(unit)
        behavior = agent.settings.get("behavior")
        parts = _manner(
            behavior if isinstance(behavior, dict) else {}, None if collection is None else collection.settings
        )
        parts += [f"## {skill.name}\n\n{skill.body}" for skill in skills if skill.mode == "always" and skill.body]
        parts += [
            f"About the tools of {server.name}: {server.instructions}" for server in servers if server.instructions
        ]
        listed = [skill for skill in skills if skill.mode == "on_demand"]
        if listed:
            lines = [f"- {skill.name}: {skill.description or _first_line(skill)}{_links(skill)}" for skill in listed]
            parts.append(f"Load one of these with {_TOOL} when it fits the question:\n" + "\n".join(lines))
        text = "\n\n".join(parts)[:_ALWAYS_CHARS_MAX]
        return Context(text=text) if text else None

    async def specs(self, agent: Agent) -> Sequence[ToolSpec]:
        """Return the tool that loads a skill, for agents that have one to load (ToolHost)."""
        skills = await self._store.read(lambda tx: _enabled_skills(tx, agent))
        names = [skill.name for skill in skills if skill.mode == "on_demand"]
        if not names:
            return ()
        schema: JSONObject = {
            "type": "object",
            "properties": {"name": {"type": "string", "enum": [*names]}},
            "required": ["name"],
        }
        description = "Load the instructions of a skill before you do what it is about."
        return [ToolSpec(name=_TOOL, description=description, input_schema=schema, is_repeatable=True)]

    async def call(self, name: str, tool_input: JSONObject, context: ToolContext) -> ToolResult:
        """Return the body of a skill (ToolHost)."""
        skills = await self._store.read(lambda tx: _enabled_skills(tx, context.agent))
        wanted = tool_input.get("name")
        found = next((skill for skill in skills if skill.name == wanted and skill.mode == "on_demand"), None)
        if found is None:
            return ToolResult(output=f"There is no skill {wanted!r}.", is_error=True)
        return ToolResult(output=found.body)


def _enabled_skills(tx: Transaction, agent: Agent) -> list[Skill]:
    skills = tx.skills.find(agent.organization_id, agent_id=agent.id, enabled=True, limit=_SKILLS_MAX)
    return sorted(skills, key=lambda skill: skill.name)


def _collection(tx: Transaction, run: Run) -> Collection | None:
    """Return the collection the run's conversation was begun in."""
    collection_id = run.metadata.get("collection_id")
    if not isinstance(collection_id, str):
        return None
    return tx.collections.first(run.organization_id, id=collection_id)


def _manner(behavior: JSONObject, collection: JSONObject | None) -> list[str]:
    """Return how to answer; a collection's own words come after the agent's and so win."""
    wishes = {**behavior, **{name: value for name, value in (collection or {}).items() if value is not None}}
    own = [str((collection or {}).get(name) or "").strip() for name in ("persona", "instructions")]
    parts = [text for text in own if text]
    length = wishes.get("response_length")
    if isinstance(length, str) and length.strip():
        parts.append(_LENGTHS.get(length.strip().lower(), f"Length of answers: {length.strip()[:200]}."))
    if wishes.get("inline_citations") is False:
        parts.append("Leave the marks of sources out of the text.")
    servers = (collection or {}).get("mcp_servers")
    if isinstance(servers, list) and servers:
        parts.append(f"Of the tool servers use only these: {', '.join(map(str, servers))}.")
    return parts


def _first_line(skill: Skill) -> str:
    return skill.body.strip().split("\n", 1)[0].lstrip("# ")[:200]


def _links(skill: Skill) -> str:
    return f" (before using tools of {', '.join(skill.linked_servers)})" if skill.linked_servers else ""
