"""Telling the world what happened: webhooks, and workflows that start on an event."""

from typing import Protocol

from trivium.core.events import RunEvent
from trivium.core.model.activity import Activity
from trivium.core.model.conversations import Conversation, Message
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.knowledge import Document
from trivium.core.model.runs import Run
from trivium.core.model.workflows import WorkflowRun, WorkflowWrite
from trivium.core.ports import Clock, Transaction
from trivium.core.services.event_types import (
    CONVERSATION_CREATED,
    CONVERSATION_STATUS,
    DOCUMENT_FAILED,
    DOCUMENT_READY,
    EVENT_TYPES,
    MESSAGE_CREATED,
    RUN_FINISHED,
    WORKFLOW_RUN_FINISHED,
)
from trivium.core.services.webhooks import Webhooks

__all__ = [
    "CONVERSATION_CREATED",
    "CONVERSATION_STATUS",
    "EVENT_TYPES",
    "MESSAGE_CREATED",
    "RUN_FINISHED",
    "STARTING_TYPES",
    "WORKFLOW_RUN_FINISHED",
    "Announcing",
    "StartRuns",
]

# A workflow that started on the end of runs would start itself without end.
STARTING_TYPES = (CONVERSATION_CREATED, CONVERSATION_STATUS, MESSAGE_CREATED)


# Starts the runs of workflows that wait for an event, in the caller's transaction.
class StartRuns(Protocol):
    """See `Workflows.start_on_event`."""

    def __call__(
        self, tx: Transaction, organization_id: str, event_type: str, *, data: JSONObject, event_id: str
    ) -> None: ...


class Announcing:
    """Every call belongs into the transaction in which the thing happens: it is told, or it did not happen."""

    def __init__(self, *, clock: Clock, webhooks: Webhooks, start_runs: StartRuns) -> None:
        self._clock = clock
        self._webhooks = webhooks
        self._start_runs = start_runs

    def tell(self, tx: Transaction, organization_id: str, event_type: str, data: JSONObject, *, event_id: str) -> None:
        """Deliver an event to webhooks and workflows; once, however often it is told under the same id."""
        self._webhooks.publish(tx, organization_id, event_type, data, event_id=event_id)
        if event_type in STARTING_TYPES:
            self._start_runs(tx, organization_id, event_type, data=data, event_id=event_id)

    def note(
        self,
        tx: Transaction,
        organization_id: str,
        activity_type: str,
        subject: str,
        *,
        status: str = "",
        actor: str = "",
    ) -> None:
        """Add a line to the activity list, for what leaves no record of its own."""
        tx.activity.add(
            Activity(
                id=new_id("act"),
                organization_id=organization_id,
                at=self._clock.now(),
                type=activity_type,
                subject=subject,
                status=status,
                actor=actor,
            )
        )

    def conversation_created(self, tx: Transaction, conversation: Conversation) -> None:
        """Tell that a visitor's conversation began."""
        data = _conversation(conversation)
        self.tell(tx, conversation.organization_id, CONVERSATION_CREATED, data, event_id=f"new-{conversation.id}")

    def status_changed(self, tx: Transaction, conversation: Conversation, actor: str) -> None:
        """Tell that a conversation was escalated, resolved or handed back."""
        data: JSONObject = {**_conversation(conversation), "actor": actor}
        self.note(
            tx,
            conversation.organization_id,
            CONVERSATION_STATUS,
            conversation.title or conversation.id,
            status=conversation.status,
            actor=actor,
        )
        self.tell(tx, conversation.organization_id, CONVERSATION_STATUS, data, event_id=new_id("sts"))

    def message_created(self, tx: Transaction, message: Message) -> None:
        """Tell that somebody wrote."""
        data: JSONObject = {
            "message_id": message.id,
            "conversation_id": message.conversation_id,
            "role": message.role,
            "text": message.text,
        }
        self.tell(tx, message.organization_id, MESSAGE_CREATED, data, event_id=f"msg-{message.id}")

    def document_indexed(self, tx: Transaction, document: Document) -> None:
        """Tell that a document can be searched, or that nothing could be read of it."""
        data: JSONObject = {
            "document_id": document.id,
            "name": document.name,
            "folder": document.folder,
            "status": document.status,
            "error": document.error,
        }
        kind = DOCUMENT_READY if document.status == "ready" else DOCUMENT_FAILED
        self.tell(tx, document.organization_id, kind, data, event_id=f"{document.id}-{document.blob_key[-12:]}")

    def run_finished(self, tx: Transaction, run: Run, event: RunEvent) -> None:
        """Tell that an agent's run has ended (a finish hook of the run driver)."""
        data: JSONObject = {
            "run_id": run.id,
            "agent_id": run.agent_id,
            "conversation_id": run.conversation_id,
            "status": run.status,
            "output": run.output,
        }
        self.tell(tx, run.organization_id, RUN_FINISHED, data, event_id=run.id)
        if run.channel == "chat":
            self._said(tx, run, "user", run.input.question)
            self._said(tx, run, "assistant", run.output)

    def _said(self, tx: Transaction, run: Run, role: str, text: str) -> None:
        if text:
            data: JSONObject = {
                "message_id": run.id,
                "conversation_id": run.conversation_id,
                "role": role,
                "text": text,
            }
            self.tell(tx, run.organization_id, MESSAGE_CREATED, data, event_id=f"{role}-{run.id}")

    def workflow_run_finished(self, tx: Transaction, run: WorkflowRun) -> None:
        """Tell that a workflow's run has ended (a finish hook of its driver); inputs and outputs stay inside."""
        data: JSONObject = {
            "run_id": run.id,
            "workflow_id": run.workflow_id,
            "trigger": run.trigger,
            "status": run.status,
            "error": run.error,
        }
        self.tell(tx, run.organization_id, WORKFLOW_RUN_FINISHED, data, event_id=run.id)

    def workflow_written(self, tx: Transaction, write: WorkflowWrite) -> None:
        """Note that a workflow was created, changed or deleted, and by whom (a write hook of the workflows)."""
        workflow = write.workflow
        actor = _name_of(tx, workflow.organization_id, write.by)
        self.note(tx, workflow.organization_id, f"workflow.{write.kind}", workflow.name, actor=actor)


def _name_of(tx: Transaction, organization_id: str, principal_id: str) -> str:
    """Return what people call a key or a person; the id when neither is there."""
    key = tx.keys.first(organization_id, id=principal_id) if principal_id else None
    if key is not None:
        return key.name or principal_id
    person = tx.users.by_id(principal_id) if principal_id else None
    return principal_id if person is None else person.email


def _conversation(conversation: Conversation) -> JSONObject:
    return {
        "conversation_id": conversation.id,
        "agent_id": conversation.agent_id,
        "visitor_id": conversation.visitor_id,
        "status": conversation.status,
    }
