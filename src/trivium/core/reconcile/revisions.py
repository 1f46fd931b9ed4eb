"""The log of configuration: every write leaves a revision, and the log stays true when a process dies."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime

from trivium.core.errors import CoreError
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent
from trivium.core.model.config import Cause, Op, Revision, RevisionDocument
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.ports import Transaction
from trivium.core.reconcile.sections import read_sections

_SYSTEM = Principal(organization_id="", kind="system", id="")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What a new revision says about itself."""

    principal: Principal
    cause: Cause
    ops: Sequence[Op] = ()
    note: str = ""


def record(tx: Transaction, agent: Agent, entry: Entry, now: datetime) -> Revision:
    """Write a finished revision of the agent as it is now, in the transaction that changed it.

    Every service that changes an agent's configuration by itself calls this; `agent` carries its new version.
    """
    latest = settle(tx, agent.organization_id, agent.id, now)
    base = latest.version if latest is not None else agent.version
    revision = _new(agent, entry, number=latest.number + 1 if latest is not None else 1, now=now)
    revision = replace(revision, status="applied", base_version=base, done_count=len(entry.ops), finished_at=now)
    _add(tx, revision, entry)
    document = tx.revision_documents.get(agent.organization_id, revision.id)
    tx.revision_documents.put(replace(document, sections=read_sections(tx, agent), secrets=fingerprints(tx, agent)))
    return revision


def begin(tx: Transaction, agent: Agent, entry: Entry, now: datetime) -> Revision:
    """Open the revision of an apply; what changed unnoticed since the last one gets a revision of its own first."""
    latest = catch_up(tx, agent, now)
    revision = _new(agent, entry, number=latest.number + 1, now=now)
    _add(tx, revision, entry)
    return revision


def catch_up(tx: Transaction, agent: Agent, now: datetime) -> Revision:
    """Return the revision of the agent as it is, before it is changed; made now when something changed unnoticed."""
    latest = settle(tx, agent.organization_id, agent.id, now)
    if latest is not None and latest.version == agent.version:
        return latest
    unnoticed = Entry(principal=replace(_SYSTEM, organization_id=agent.organization_id), cause="unnoticed")
    return record(tx, agent, unnoticed, now)


def add_agent(tx: Transaction, agent: Agent) -> None:
    """Add an agent with its first revision, for a process that writes to the store itself."""
    tx.agents.add(agent)
    principal = replace(_SYSTEM, organization_id=agent.organization_id)
    record(tx, agent, Entry(principal=principal, cause="create"), agent.created_at)


def progress(tx: Transaction, revision: Revision, agent: Agent) -> Revision:
    """Note, in the transaction of an op that wrote, that it was done."""
    moved = replace(revision, done_count=revision.done_count + 1, version=agent.version)
    tx.revisions.put(moved)
    return moved


def finish(tx: Transaction, revision: Revision, agent: Agent, *, error: CoreError | None, now: datetime) -> JSONObject:
    """Close the revision with the configuration as it is, and return that."""
    failure: JSONObject | None = None if error is None else {"code": error.code, "message": error.message}
    sections = read_sections(tx, agent)
    done = replace(revision, status="applied" if error is None else "failed", failure=failure, finished_at=now)
    tx.revisions.put(done)
    document = tx.revision_documents.get(revision.organization_id, revision.id)
    tx.revision_documents.put(replace(document, sections=sections, secrets=fingerprints(tx, agent)))
    return sections


def settle(tx: Transaction, organization_id: str, agent_id: str, now: datetime) -> Revision | None:
    """Return the latest revision. One that was left open by a process that died is closed as `interrupted` first.

    Whoever calls this holds the turn, so an open revision belongs to nobody. Only the ops that were counted happened;
    the configuration afterwards is the one of this moment, because nobody has written since.
    """
    latest = tx.revisions.latest(organization_id, agent_id)
    if latest is None or latest.status != "applying":
        return latest
    closed = replace(latest, status="interrupted", finished_at=now)
    tx.revisions.put(closed)
    agent = tx.agents.first(organization_id, id=agent_id)
    if agent is not None:
        document = tx.revision_documents.get(organization_id, latest.id)
        sections = read_sections(tx, agent)
        tx.revision_documents.put(replace(document, sections=sections, secrets=fingerprints(tx, agent)))
    return closed


def fingerprints(tx: Transaction, agent: Agent) -> dict[str, str]:
    """Return the fingerprint of every secret of the agent by its place."""
    secrets = tx.agent_secrets.find(agent.organization_id, agent_id=agent.id, limit=10_000)
    return {f"{secret.owner_id}/{secret.name}": secret.fingerprint for secret in secrets}


def _new(agent: Agent, entry: Entry, *, number: int, now: datetime) -> Revision:
    return Revision(
        id=new_id("rev"),
        organization_id=agent.organization_id,
        agent_id=agent.id,
        number=number,
        created_at=now,
        cause=entry.cause,
        status="applying",
        actor_kind=entry.principal.kind,
        actor_id=entry.principal.id,
        actor_name=entry.principal.name,
        base_version=agent.version,
        version=agent.version,
        op_count=len(entry.ops),
        note=entry.note,
    )


def _add(tx: Transaction, revision: Revision, entry: Entry) -> None:
    tx.revisions.add(revision)
    document = RevisionDocument(
        id=revision.id,
        organization_id=revision.organization_id,
        agent_id=revision.agent_id,
        ops=tuple(_op_data(op) for op in entry.ops),
    )
    tx.revision_documents.add(document)


def _op_data(op: Op) -> JSONObject:
    return {name: [*value] if isinstance(value, tuple) else value for name, value in asdict(op).items()}
