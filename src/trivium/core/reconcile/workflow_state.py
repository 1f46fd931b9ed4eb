"""All workflows of an organization at one moment, with the names of what they refer to."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from trivium.core.model.agents import Agent
from trivium.core.model.capabilities import McpServer
from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import Document
from trivium.core.model.workflows import Workflow
from trivium.core.ports import Transaction
from trivium.core.reconcile.workflow_documents import document_of
from trivium.core.reconcile.workflow_names import Directory, Names, references

_ALL = 10_000
_DOCUMENTS_MAX = 100_000


@dataclass(frozen=True, kw_only=True)
class Found:
    """What the store holds; only the kinds of things that some workflow refers to are read."""

    workflows: Sequence[Workflow]
    agents: Sequence[Agent] = ()
    servers: Sequence[McpServer] = ()
    documents: Sequence[Document] = ()


def read_workflows(tx: Transaction, organization_id: str, wishes: Iterable[JSONObject] = ()) -> Found:
    """Return the workflows and what they, or these wishes, may refer to."""
    workflows = tx.workflows.find(organization_id, limit=_ALL)
    kinds = {one.kind for wish in (*map(document_of, workflows), *wishes) for one in references(wish)}
    found = Found(workflows=workflows)
    if "agent" in kinds:
        found = replace(found, agents=tx.agents.find(organization_id, limit=_ALL))
    if "mcp_server" in kinds:
        found = replace(found, servers=tx.mcp_servers.find(organization_id, limit=_ALL))
    if "document" in kinds:
        found = replace(found, documents=tx.documents.find(organization_id, limit=_DOCUMENTS_MAX))
    return found


@dataclass(frozen=True)
class State:
    """The same, by names. What is called like another one cannot be told apart, and is left out of `by_name`."""

    found: Found

    @cached_property
    def ambiguous(self) -> Mapping[str, list[str]]:
        """The ids of workflows whose name another one has, by name."""
        ids: dict[str, list[str]] = {}
        for workflow in self.found.workflows:
            ids.setdefault(workflow.name, []).append(workflow.id)
        return {name: sorted(same) for name, same in sorted(ids.items()) if len(same) > 1}

    @cached_property
    def by_name(self) -> Mapping[str, Workflow]:
        """The workflows that configuration as code is about."""
        names = sorted(one.name for one in self.found.workflows if one.name not in self.ambiguous)
        workflows = {one.name: one for one in self.found.workflows}
        return {name: workflows[name] for name in names}

    @cached_property
    def documents(self) -> Mapping[str, JSONObject]:
        """The same as portable documents, by name in code-point order."""
        directory = self.directory()
        return {name: directory.portable(document_of(one)) for name, one in self.by_name.items()}

    @cached_property
    def digest(self) -> str:
        """What names this state: it changes with every change of a workflow, or of a name one refers to."""
        rows = [[one.id, document_of(one)] for one in sorted(self.found.workflows, key=lambda one: one.id)]
        text = json.dumps([rows, self.documents], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def directory(self, new_ids: Mapping[str, str] | None = None, new_agents: Sequence[str] = ()) -> Directory:
        """Return what may be referred to, with workflows (ids by name) and agents (names) that are still to be made."""
        agents = self.found.agents
        known = {one.name for one in agents}
        coming = {name: name for name in new_agents if name not in known}
        workflows = {one.id: one.name for one in self.found.workflows}
        workflows |= {one: name for name, one in (new_ids or {}).items()}
        return Directory(
            agents=Names(by_id={one.id: one.name for one in agents} | coming),
            workflows=Names(by_id=workflows),
            documents=_document_names(self.found.documents),
            servers=_server_names(self.found.servers),
            stubs=frozenset(
                {one.id for one in agents if any(tool.type == "mcp" for tool in one.tools)} | coming.keys()
            ),
        )


def _document_names(documents: Sequence[Document]) -> Names:
    return Names(
        by_id={one.id: one.name for one in documents},
        paths={one.id: f"{one.folder}/{one.name}" for one in documents if one.folder},
        any_case=True,
    )


def _server_names(servers: Sequence[McpServer]) -> Mapping[str, Names]:
    names: dict[str, dict[str, str]] = {}
    for server in servers:
        names.setdefault(server.agent_id, {})[server.id] = server.name
    return {agent_id: Names(by_id=found) for agent_id, found in names.items()}
