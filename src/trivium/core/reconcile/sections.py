"""Where each section of a configuration is stored: how it is read, and how one op of a plan is written."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from trivium.core.errors import Conflict, InvalidRequest, NotFound
from trivium.core.model.agents import Agent, AgentStatus
from trivium.core.model.capabilities import McpServer, Skill, SkillMode, Transport
from trivium.core.model.config import Op
from trivium.core.model.ids import new_id
from trivium.core.model.jobs import Job
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.knowledge import Collection
from trivium.core.model.protection import AccessList
from trivium.core.model.publishing import CustomDomain
from trivium.core.ports import Transaction
from trivium.core.reconcile.shapes import SHAPES_BY_NAME, normalize_domain

ITEMS_MAX = 5_000
DISCOVER_JOB = "discover_tools"

# What a status of a configuration means for running: the agent itself knows fewer.
_RUNNING_STATUS: dict[str, AgentStatus] = {
    "draft": "draft",
    "preview": "active",
    "active": "active",
    "deploying": "active",
    "deployed": "active",
    "pending": "active",
    "paused": "paused",
    "inactive": "paused",
    "failed": "paused",
    "error": "paused",
    "archived": "archived",
}
_MODEL_FIELDS = ("model", "temperature", "max_output_tokens")
_BEHAVIOR_FIELDS = ("instructions", "persona", "greeting")
_OPEN = "open."
_COLLECTION_FIELDS = frozenset(
    """
    description instructions persona response_length greeting web_search_enabled inline_citations source_quality
    tracks_unanswered mcp_servers
    """.split()
)
_SERVER_COLUMNS = ("description", "type", "enabled", "transport", "url", "instructions", "tool_name_prefix")
_SKILL_COLUMNS = ("description", "body", "enabled", "mode", "source", "source_server")


@dataclass(frozen=True, kw_only=True)
class Write:
    """One op on its way into the store: the open transaction, the agent as it is now, the time."""

    tx: Transaction
    agent: Agent
    op: Op
    now: datetime

    @property
    def after(self) -> JSONObject:
        """The wanted content; empty for a delete."""
        return self.op.after or {}


@dataclass(frozen=True, kw_only=True)
class SectionStore:
    """How a section is read and written. `write` returns the agent, changed where the section lives in it."""

    read: Callable[[Transaction, Agent], JSON]
    write: Callable[[Write], Agent]


def read_sections(tx: Transaction, agent: Agent) -> JSONObject:
    """Return the whole configuration of an agent as it is stored, without anything secret."""
    return {name: section.read(tx, agent) for name, section in SECTIONS.items()}


def write_op(write: Write) -> Agent:
    """Do one op; return the agent with a new version. CoreError when its section refuses."""
    changed = SECTIONS[write.op.section].write(write)
    agent = replace(changed, version=write.agent.version + 1, updated_at=write.now)
    write.tx.agents.put(agent)
    return agent


def _read_agent(tx: Transaction, agent: Agent) -> JSON:
    stored = agent.settings
    result: JSONObject = {
        "name": agent.name,
        "description": agent.description,
        "status": _status(agent),
        "requires_auth": agent.requires_auth,
        "model_settings": {**_fields_of(agent, _MODEL_FIELDS), **_object(stored.get("model_settings"))},
        "behavior": {**_fields_of(agent, _BEHAVIOR_FIELDS), **_object(stored.get("behavior"))},
        "appearance": _object(stored.get("appearance")),
        "own_models": _object(stored.get("own_models")),
        "sales_enabled": stored.get("sales_enabled") is True,
        "protected": [*_texts(stored.get("protected"))],
    }
    if isinstance(stored.get("logo_url"), str):
        result["logo_url"] = stored["logo_url"]
    result.update({f"{_OPEN}{name}": value for name, value in _object(stored.get("open")).items()})
    return result


def _write_agent(write: Write) -> Agent:
    after = write.after
    name = after.get("name")
    if not isinstance(name, str):
        raise InvalidRequest("An agent needs a name.", details={"section": "agent", "field": "name"})
    model, behavior = _object(after.get("model_settings")), _object(after.get("behavior"))
    settings: JSONObject = {
        "model_settings": {key: value for key, value in model.items() if key not in _MODEL_FIELDS},
        "behavior": {key: value for key, value in behavior.items() if key not in _BEHAVIOR_FIELDS},
        "open": {key[len(_OPEN) :]: value for key, value in after.items() if key.startswith(_OPEN)},
        "status": after.get("status"),
        **{key: after.get(key) for key in ("logo_url", "appearance", "own_models", "sales_enabled", "protected")},
    }
    temperature, tokens = model.get("temperature"), model.get("max_output_tokens")
    return replace(
        write.agent,
        name=name,
        description=str(after.get("description") or ""),
        status=_RUNNING_STATUS[str(after.get("status") or "active")],
        requires_auth=after.get("requires_auth") is True,
        model=_text(model.get("model")),
        temperature=float(temperature) if isinstance(temperature, int | float) else None,
        max_output_tokens=tokens if isinstance(tokens, int) else None,
        instructions=_text(behavior.get("instructions")) or "",
        persona=_text(behavior.get("persona")) or "",
        greeting=_text(behavior.get("greeting")) or "",
        settings={**write.agent.settings, **settings},
    )


def _status(agent: Agent) -> str:
    wanted = agent.settings.get("status")
    # Another part of the product may have paused the agent since: what it is now wins.
    is_current = isinstance(wanted, str) and _RUNNING_STATUS.get(wanted) == agent.status
    return str(wanted) if is_current else agent.status


def _read_collections(tx: Transaction, agent: Agent) -> JSON:
    stored = tx.collections.find(agent.organization_id, agent_id=agent.id, limit=ITEMS_MAX)
    items: list[JSON] = [
        {
            "id": collection.slug,
            "name": collection.name,
            "requires_auth": collection.requires_auth,
            **{name: value for name, value in collection.settings.items() if name in _COLLECTION_FIELDS},
        }
        for collection in sorted(stored, key=lambda collection: collection.slug)
        if collection.slug
    ]
    return {**_singleton(agent, "collections"), "collections": items}


def _write_collections(write: Write) -> Agent:
    tx, agent = write.tx, write.agent
    stored = tx.collections.find(agent.organization_id, agent_id=agent.id, limit=ITEMS_MAX)
    by_slug = {collection.slug: collection for collection in stored if collection.slug}
    wanted = {str(item["id"]): item for item in _objects(write.after.get("collections"))}
    for slug, collection in by_slug.items():
        if slug not in wanted:
            _remove_collection(tx, collection)
    for slug, item in wanted.items():
        _put_collection(write, by_slug.get(slug), item)
    rest = {name: value for name, value in write.after.items() if name != "collections"}
    return replace(agent, settings={**agent.settings, "collections": rest})


def _remove_collection(tx: Transaction, collection: Collection) -> None:
    if tx.documents.count(collection.organization_id, collection_id=collection.id):
        raise Conflict(
            f"The collection {collection.slug!r} still holds documents; move or delete them first.",
            code="collection_not_empty",
            details={"collection": collection.slug},
        )
    tx.collections.remove(collection.organization_id, collection.id)


def _put_collection(write: Write, stored: Collection | None, item: JSONObject) -> None:
    settings = {name: value for name, value in item.items() if name in _COLLECTION_FIELDS}
    name, requires_auth = str(item.get("name") or item["id"]), item.get("requires_auth") is True
    if stored is None:
        made = Collection(
            id=new_id("col"),
            organization_id=write.agent.organization_id,
            agent_id=write.agent.id,
            slug=str(item["id"]),
            name=name,
            requires_auth=requires_auth,
            created_at=write.now,
            settings=settings,
        )
        write.tx.collections.add(made)
        return
    hidden = {key: value for key, value in stored.settings.items() if key not in _COLLECTION_FIELDS}
    changed = replace(stored, name=name, requires_auth=requires_auth, settings={**hidden, **settings})
    if changed != stored:
        write.tx.collections.put(changed)


def _read_access_lists(tx: Transaction, agent: Agent) -> JSON:
    stored = tx.access_lists.first(agent.organization_id, id=agent.id)
    if stored is None:
        return dict(SHAPES_BY_NAME["access_lists"].defaults)
    return {
        "emails": [*stored.emails],
        "email_domains": [*stored.email_domains],
        "embed_domains": [*stored.embed_domains],
    }


def _write_access_lists(write: Write) -> Agent:
    names = ("emails", "email_domains", "embed_domains")
    emails, email_domains, embed_domains = (_texts(write.after.get(name)) for name in names)
    wanted = AccessList(
        id=write.agent.id,
        organization_id=write.agent.organization_id,
        emails=emails,
        email_domains=email_domains,
        embed_domains=embed_domains,
    )
    if write.tx.access_lists.first(wanted.organization_id, id=wanted.id) is None:
        write.tx.access_lists.add(wanted)
    else:
        write.tx.access_lists.put(wanted)
    return write.agent


def _read_mcp_servers(tx: Transaction, agent: Agent) -> JSON:
    servers = tx.mcp_servers.find(agent.organization_id, agent_id=agent.id, limit=ITEMS_MAX)
    return [server_fields(server) for server in sorted(servers, key=lambda server: server.name)]


def server_fields(server: McpServer) -> JSONObject:
    """Return the configured fields of a tool server, without what is secret or found out."""
    return {"name": server.name, **_fields_of(server, _SERVER_COLUMNS), **server.settings}


def _write_mcp_server(write: Write) -> Agent:
    tx, agent, op = write.tx, write.agent, write.op
    stored = (
        tx.mcp_servers.first(agent.organization_id, agent_id=agent.id, name=op.key) if op.action != "create" else None
    )
    if op.action != "create" and stored is None:
        raise NotFound("mcp_server", op.key or "")
    if op.action == "delete" and stored is not None:
        tx.agent_secrets.remove_where(agent.organization_id, agent_id=agent.id, owner_id=stored.id)
        tx.mcp_servers.remove(agent.organization_id, stored.id)
        return agent
    after = write.after
    base = stored or McpServer(
        id=new_id("mcp"),
        organization_id=agent.organization_id,
        agent_id=agent.id,
        name=op.key or "",
        created_at=write.now,
        updated_at=write.now,
    )
    server = replace(
        base,
        updated_at=write.now,
        description=str(after.get("description") or ""),
        type=str(after.get("type") or "generic"),
        enabled=after.get("enabled") is not False,
        transport=cast(Transport, after.get("transport") or "http"),
        url=_text(after.get("url")),
        instructions=_text(after.get("instructions")),
        tool_name_prefix=_text(after.get("tool_name_prefix")),
        settings={name: value for name, value in after.items() if name not in ("name", *_SERVER_COLUMNS)},
    )
    if stored is None:
        tx.mcp_servers.add(server)
    else:
        tx.mcp_servers.put(server)
    if server.enabled and server.url and (stored is None or server.url != stored.url):
        tx.jobs.enqueue(discovery_job(server, write.now))
    return agent


def discovery_job(server: McpServer, now: datetime) -> Job:
    """Return the job that asks a tool server for its tools."""
    return Job(
        id=new_id("job"),
        organization_id=server.organization_id,
        name=DISCOVER_JOB,
        created_at=now,
        due_at=now,
        arguments={"server_id": server.id},
        unique_key=f"{DISCOVER_JOB}:{server.id}",
        attempts_max=3,
    )


def _read_skills(tx: Transaction, agent: Agent) -> JSON:
    skills = tx.skills.find(agent.organization_id, agent_id=agent.id, limit=ITEMS_MAX)
    return [skill_fields(skill) for skill in sorted(skills, key=lambda skill: skill.name)]


def skill_fields(skill: Skill) -> JSONObject:
    """Return the configured fields of a skill; tool servers by name."""
    lists: JSONObject = {"linked_servers": [*skill.linked_servers], "linked_agents": [*skill.linked_agents]}
    return {"name": skill.name, **_fields_of(skill, _SKILL_COLUMNS), **lists}


def _write_skill(write: Write) -> Agent:
    tx, agent, op = write.tx, write.agent, write.op
    stored = tx.skills.first(agent.organization_id, agent_id=agent.id, name=op.key) if op.action != "create" else None
    if op.action != "create" and stored is None:
        raise NotFound("skill", op.key or "")
    if op.action == "delete" and stored is not None:
        tx.skills.remove(agent.organization_id, stored.id)
        return agent
    after = write.after
    base = stored or Skill(
        id=new_id("skill"),
        organization_id=agent.organization_id,
        agent_id=agent.id,
        name=op.key or "",
        created_at=write.now,
        updated_at=write.now,
    )
    skill = replace(
        base,
        updated_at=write.now,
        description=str(after.get("description") or ""),
        body=str(after.get("body") or ""),
        enabled=after.get("enabled") is not False,
        mode=cast(SkillMode, after.get("mode") or "on_demand"),
        source="imported" if after.get("source") == "imported" else "manual",
        source_server=_text(after.get("source_server")),
        linked_servers=_texts(after.get("linked_servers")),
        linked_agents=_texts(after.get("linked_agents")),
    )
    if stored is None:
        tx.skills.add(skill)
    else:
        tx.skills.put(skill)
    return agent


def _read_domains(tx: Transaction, agent: Agent) -> JSON:
    domains = tx.domains.find(agent.organization_id, agent_id=agent.id, limit=ITEMS_MAX)
    return [{"domain": name} for name in sorted(domain.domain for domain in domains)]


def _write_domain(write: Write) -> Agent:
    tx, agent, op = write.tx, write.agent, write.op
    if op.action == "delete":
        if not tx.domains.remove_where(agent.organization_id, agent_id=agent.id, domain=op.key):
            raise NotFound("domain", op.key or "")
        return agent
    tx.domains.add(
        CustomDomain(
            id=new_id("dom"),
            organization_id=agent.organization_id,
            agent_id=agent.id,
            domain=str(normalize_domain(op.key)),
            challenge=new_id("verify"),
            created_at=write.now,
        )
    )
    return agent


def _in_settings(name: str) -> SectionStore:
    """A singleton that lives in the agent's settings as it was given."""

    def read(tx: Transaction, agent: Agent) -> JSON:
        return _singleton(agent, name)

    def write(write: Write) -> Agent:
        return replace(write.agent, settings={**write.agent.settings, name: dict(write.after)})

    return SectionStore(read=read, write=write)


SECTIONS: dict[str, SectionStore] = {
    "agent": SectionStore(read=_read_agent, write=_write_agent),
    "collections": SectionStore(read=_read_collections, write=_write_collections),
    "access_protection": _in_settings("access_protection"),
    "external_api": _in_settings("external_api"),
    "access_lists": SectionStore(read=_read_access_lists, write=_write_access_lists),
    "telemetry": _in_settings("telemetry"),
    "mcp_servers": SectionStore(read=_read_mcp_servers, write=_write_mcp_server),
    "skills": SectionStore(read=_read_skills, write=_write_skill),
    "domains": SectionStore(read=_read_domains, write=_write_domain),
}


def _singleton(agent: Agent, name: str) -> JSONObject:
    return {**SHAPES_BY_NAME[name].defaults, **_object(agent.settings.get(name))}


def _fields_of(record: object, names: tuple[str, ...]) -> JSONObject:
    """Return the fields that say something; an empty text of the agent says nothing, one of an item was given."""
    values = {name: getattr(record, name) for name in names}
    is_agent = isinstance(record, Agent)
    return {name: value for name, value in values.items() if value is not None and not (is_agent and value == "")}


def _object(value: JSON) -> JSONObject:
    return value if isinstance(value, dict) else {}


def _objects(value: JSON) -> list[JSONObject]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _text(value: JSON) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: JSON) -> tuple[str, ...]:
    return tuple(entry for entry in value if isinstance(entry, str)) if isinstance(value, list) else ()
