"""An agent at a glance, and what happens to all of its configuration at once: renaming in it, deleting it."""

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import Any

from trivium.core.errors import Conflict, InvalidRequest, NotFound
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent
from trivium.core.model.json import JSONObject
from trivium.core.model.protection import AccessList, AgentKey
from trivium.core.ports import Transaction
from trivium.core.reconcile.sections import SECTIONS

_ALL = 100_000


@dataclass(frozen=True, kw_only=True)
class Overview:
    """An agent, what a glance needs of its configuration (`agent`, `access_protection`, `external_api`), its keys."""

    agent: Agent
    sections: JSONObject
    access_list: AccessList
    keys: tuple[AgentKey, ...] = ()
    has_jwt_secret: bool = False
    has_model_accounts: bool = False


def overviews(tx: Transaction, principal: Principal, agent_id: str | None) -> list[Overview]:
    """Return the agents the caller may see with a handful of queries, however many there are."""
    organization_id = principal.organization_id
    only: dict[str, Any] = {"agent_id": agent_id} if agent_id is not None else {}
    if agent_id is not None:
        agents = [tx.agents.get(organization_id, agent_id)]
    else:
        allowed = principal.agent_ids
        agents = tx.agents.find(organization_id, limit=_ALL)
        agents = [agent for agent in agents if allowed is None or agent.id in allowed]
    keys: defaultdict[str, list[AgentKey]] = defaultdict(list)
    for key in tx.agent_keys.find(organization_id, limit=_ALL, **only):
        keys[key.agent_id].append(key)
    secrets = tx.agent_secrets.find(organization_id, limit=_ALL, name="jwt_secret", **only)
    with_secret = {secret.agent_id for secret in secrets if secret.owner_id == secret.agent_id}
    lists = {one.id: one for one in tx.access_lists.find(organization_id, limit=_ALL)}
    has_accounts = tx.model_accounts.count(organization_id) > 0
    return [
        Overview(
            agent=agent,
            sections={name: SECTIONS[name].read(tx, agent) for name in ("agent", "access_protection", "external_api")},
            access_list=lists.get(agent.id) or AccessList(id=agent.id, organization_id=organization_id),
            keys=tuple(keys[agent.id]),
            has_jwt_secret=agent.id in with_secret,
            has_model_accounts=has_accounts,
        )
        for agent in agents
    ]


def rename_item(tx: Transaction, agent: Agent, *, section: str, old: str, new: str) -> Agent:
    """Rename a tool server or a skill in place, and what refers to it."""
    if section == "skills":
        skill = tx.skills.first(agent.organization_id, agent_id=agent.id, name=old)
        if skill is None:
            raise NotFound("skill", old)
        _require_free(tx.skills.first(agent.organization_id, agent_id=agent.id, name=new), new)
        tx.skills.put(replace(skill, name=new))
        return _with_protection_moved(agent, section, old, new)
    if section != "mcp_servers":
        raise InvalidRequest(f"Items of {section} have no other name than their identity.")
    server = tx.mcp_servers.first(agent.organization_id, agent_id=agent.id, name=old)
    if server is None:
        raise NotFound("mcp_server", old)
    _require_free(tx.mcp_servers.first(agent.organization_id, agent_id=agent.id, name=new), new)
    tx.mcp_servers.put(replace(server, name=new))
    for skill in tx.skills.find(agent.organization_id, agent_id=agent.id, limit=_ALL):
        linked = tuple(sorted(new if name == old else name for name in skill.linked_servers))
        moved = replace(
            skill, linked_servers=linked, source_server=new if skill.source_server == old else skill.source_server
        )
        if moved != skill:
            tx.skills.put(moved)
    for collection in tx.collections.find(agent.organization_id, agent_id=agent.id, limit=_ALL):
        servers = collection.settings.get("mcp_servers")
        if isinstance(servers, list) and old in servers:
            names = sorted(new if name == old else str(name) for name in servers)
            tx.collections.put(replace(collection, settings={**collection.settings, "mcp_servers": [*names]}))
    return _with_protection_moved(agent, section, old, new)


def delete_agent(tx: Transaction, agent: Agent) -> None:
    """Delete an agent and everything that is configured for it; its conversations and runs stay as history."""
    organization_id, agent_id = agent.organization_id, agent.id
    tx.mcp_servers.remove_where(organization_id, agent_id=agent_id)
    tx.skills.remove_where(organization_id, agent_id=agent_id)
    tx.domains.remove_where(organization_id, agent_id=agent_id)
    tx.collections.remove_where(organization_id, agent_id=agent_id)
    tx.sub_agents.remove_where(organization_id, agent_id=agent_id)
    tx.agent_keys.remove_where(organization_id, agent_id=agent_id)
    tx.agent_secrets.remove_where(organization_id, agent_id=agent_id)
    tx.revisions.remove_where(organization_id, agent_id=agent_id)
    tx.revision_documents.remove_where(organization_id, agent_id=agent_id)
    tx.access_lists.remove(organization_id, agent_id)
    tx.deployments.remove(organization_id, agent_id)
    tx.agents.remove(organization_id, agent_id)
    organization = tx.organizations.first(organization_id)
    if organization is not None and organization.default_agent_id == agent_id:
        tx.organizations.put(replace(organization, default_agent_id=None))


def _require_free(taken: object | None, name: str) -> None:
    if taken is not None:
        raise Conflict(f"The name {name!r} is taken.", code="already_exists")


def _with_protection_moved(agent: Agent, section: str, old: str, new: str) -> Agent:
    protected = agent.settings.get("protected")
    if not isinstance(protected, list) or f"{section}/{old}" not in protected:
        return agent
    entries = sorted(f"{section}/{new}" if entry == f"{section}/{old}" else str(entry) for entry in protected)
    return replace(agent, settings={**agent.settings, "protected": [*entries]})
