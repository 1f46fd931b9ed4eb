"""The log of workflow configuration: every apply leaves a revision, and the log stays true when a process dies.

It lies beside the log of agents' configuration, under a subject of its own in place of an agent's id.
"""

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

from trivium.core.errors import CoreError
from trivium.core.model.access import Principal
from trivium.core.model.config import Op, Revision, RevisionDocument
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSON, JSONObject
from trivium.core.ports import Transaction
from trivium.core.reconcile.workflow_documents import SECTION


def subject_of(organization_id: str) -> str:
    """Return under which name the workflows of an organization are logged and locked."""
    return f"{SECTION}-{organization_id}"


def begin(tx: Transaction, principal: Principal, ops: Sequence[Op], now: datetime) -> Revision:
    """Open the revision of an apply; whoever calls this holds the turn."""
    subject = subject_of(principal.organization_id)
    latest = tx.revisions.latest(principal.organization_id, subject)
    if latest is not None and latest.status == "applying":
        # Its process died. Only the ops that were counted happened.
        tx.revisions.put(replace(latest, status="interrupted", finished_at=now))
    number = 0 if latest is None else latest.number
    revision = Revision(
        id=new_id("rev"),
        organization_id=principal.organization_id,
        agent_id=subject,
        number=number + 1,
        created_at=now,
        cause="apply",
        status="applying",
        actor_kind=principal.kind,
        actor_id=principal.id,
        actor_name=principal.name,
        base_version=number,
        version=number + 1,
        op_count=len(ops),
    )
    tx.revisions.add(revision)
    document = RevisionDocument(
        id=revision.id,
        organization_id=revision.organization_id,
        agent_id=subject,
        ops=tuple(_op_data(op) for op in ops),
    )
    tx.revision_documents.add(document)
    return revision


def progress(tx: Transaction, revision: Revision) -> Revision:
    """Note, in the transaction of an op that wrote, that it was done."""
    moved = replace(revision, done_count=revision.done_count + 1)
    tx.revisions.put(moved)
    return moved


def finish(
    tx: Transaction, revision: Revision, documents: Sequence[JSONObject], *, error: CoreError | None, now: datetime
) -> None:
    """Close the revision with all workflows as they are."""
    failure: JSONObject | None = None if error is None else {"code": error.code, "message": error.message}
    status = "applied" if error is None else "failed"
    tx.revisions.put(replace(revision, status=status, failure=failure, finished_at=now))  # type: ignore[arg-type] # one of two
    document = tx.revision_documents.get(revision.organization_id, revision.id)
    shown: list[JSON] = [*documents]
    tx.revision_documents.put(replace(document, sections={SECTION: shown}))


def baseline(tx: Transaction, organization_id: str, page_max: int) -> tuple[Revision, list[JSONObject]] | None:
    """Return the last apply that ended, with all workflows as it left them."""
    for revision in tx.revisions.page(organization_id, subject_of(organization_id), below=2**62, limit=page_max):
        if revision.status not in ("applied", "failed"):
            continue
        sections = tx.revision_documents.get(organization_id, revision.id).sections or {}
        found = sections.get(SECTION)
        return revision, [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return None


def _op_data(op: Op) -> JSONObject:
    return {name: [*value] if isinstance(value, tuple) else value for name, value in asdict(op).items()}
