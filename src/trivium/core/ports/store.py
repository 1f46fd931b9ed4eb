"""The database: units of work over typed records."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol, TypeVar

from trivium.core.events import RunEvent, StoredEvent
from trivium.core.model.activity import Activity
from trivium.core.model.agents import Agent, SubAgent
from trivium.core.model.budgets import BudgetCounter, BudgetOwner, Charge, Spent
from trivium.core.model.capabilities import McpServer, Skill
from trivium.core.model.clients import DailyUse, OAuthClient
from trivium.core.model.config import ConfigLease, Revision, RevisionDocument
from trivium.core.model.conversations import Conversation, Message, PastMessage, Visitor
from trivium.core.model.deliveries import Delivery, DeliveryAttempt, HeardEvent, Listener, SigningSecret, Webhook
from trivium.core.model.desk import Booking, MadeFile
from trivium.core.model.figures import Figures
from trivium.core.model.jobs import Job
from trivium.core.model.json import JSON
from trivium.core.model.knowledge import Collection, Document, Passage, UnansweredQuestion
from trivium.core.model.memory import Memory
from trivium.core.model.organizations import Membership, ModelAccount
from trivium.core.model.protection import AgentKey, AgentSecret
from trivium.core.model.publishing import CustomDomain, Deployment
from trivium.core.model.requests import OnceRequest
from trivium.core.model.runs import Run, RunStatus, RunTotals, Usage
from trivium.core.model.visitors import VisitorPass
from trivium.core.model.workflows import StepRun, Workflow, WorkflowRevision, WorkflowRun
from trivium.core.ports.access import AccessLists, DeviceRequests, Keys, Organizations, Users
from trivium.core.ports.knowledge import EncodedPassage
from trivium.core.ports.records import Records

R = TypeVar("R")
T = TypeVar("T")
Topic = Literal["jobs", "events", "workflows", "configuration", "listening", "cancels"]


class Conversations(Records[Conversation], Protocol):
    """Conversations with the look-ups a turn needs."""

    def by_external_id(self, organization_id: str, agent_id: str, external_id: str) -> Conversation | None: ...

    def recent(
        self, organization_id: str, agent_id: str, *, before: Conversation | None, limit: int
    ) -> tuple[list[Conversation], int]:
        """Return conversations that have messages, newest first, and how many there are in all."""

    def answering(self, organization_id: str, agent_id: str, limit: int) -> list[Conversation]:
        """Return conversations of an agent with a run that has not ended, newest first."""

    def inbox(
        self, organization_id: str, *, status: str | None, before: Conversation | None, limit: int
    ) -> list[Conversation]:
        """Return the visitors' conversations of every agent that have messages, the last changed first."""

    def touch(self, conversation_id: str, *, message_count: int, at: datetime, title: str | None = None) -> None:
        """Set the count of messages and the time of the last one; the title only where none is set."""

    def grow(self, conversation_id: str, *, at: datetime) -> int | None:
        """Count one more message, written at this time; return its position, None when the conversation is gone."""


class Messages(Records[Message], Protocol):
    """Messages of a conversation by position."""

    def tail(self, conversation_id: str, limit: int) -> list[Message]:
        """Return the last `limit` messages, oldest first."""

    def past(self, conversation_id: str, limit: int) -> list[PastMessage]:
        """Return the last `limit` messages, oldest first, as a model sees them."""

    def since(self, conversation_id: str, after: int, limit: int) -> list[Message]:
        """Return messages with a greater position, oldest first."""

    def cut(self, conversation_id: str, position: int) -> int:
        """Delete the messages from this position on; return how many."""


class Runs(Records[Run], Protocol):
    """Runs and their leases."""

    def active(self, conversation_id: str) -> Run | None:
        """Return the run that is running or waiting in a conversation, or None."""

    def next_queued(self, conversation_id: str) -> Run | None:
        """Return the oldest queued run of a conversation, or None."""

    def latest(self, conversation_id: str, *, request_id: str | None = None) -> Run | None:
        """Return the newest run of a conversation (with that request id, when given), or None."""

    def claim(self, run_id: str, owner: str, until: datetime, *, now: datetime) -> Run | None:
        """Take the lease if it is free, expired or already ours, counting an attempt; None when another holds it."""

    def renew(self, owner: str, until: datetime) -> list[str]:
        """Renew every lease of this process; return the ids of its runs for which a cancel was requested."""

    def release(self, owner_prefix: str) -> int:
        """Give up every lease of owners whose name begins so: their runs may be resumed at once; return how many."""

    def request_cancel(self, run_id: str, reason: str) -> None:
        """Ask whoever drives the run to stop it; the topic "cancels" tells at once, `renew` in any case."""

    def orphans(self, now: datetime, limit: int) -> list[Run]:
        """Return running runs whose lease is free or has ended, and queued runs whose conversation is idle."""

    def finish(self, run: Run, owner: str) -> bool:
        """Write the final fields if this process still holds the lease; False when it does not."""

    def unfinished(self, organization_id: str, agent_id: str, limit: int) -> list[tuple[str, RunStatus]]:
        """Return (conversation id, status) of the agent's runs that have not ended, newest first."""

    def page(
        self,
        organization_id: str,
        agent_id: str,
        *,
        run_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int,
        offset: int = 0,
    ) -> tuple[list[Run], int]:
        """Return an agent's runs that began in [since, until], newest first, and how many there are in all."""

    def totals(self, organization_id: str, agent_id: str) -> RunTotals:
        """Return what the agent's runs add up to."""

    def uses(
        self, organization_id: str, agent_id: str, *, since: datetime, limit: int
    ) -> list[tuple[datetime, tuple[Usage, ...]]]:
        """Return when the agent's runs since then began and what each used, newest first."""

    def spent(self, organization_id: str, owner: BudgetOwner, owner_id: str, *, since: datetime) -> Spent:
        """Return what an owner's runs that began since then add up to, model calls of unfinished runs included."""

    def under_way(self, organization_id: str, owner: BudgetOwner, owner_id: str) -> int:
        """Return how many of an owner's runs are running now."""


class BudgetCounters(Records[BudgetCounter], Protocol):
    """What budgets count; see `core.services.budgets` for when a counter comes to be."""

    def begin(self, counter: BudgetCounter) -> None:
        """Insert, unless there is one of this id."""

    def charge(self, charges: Sequence[Charge]) -> None:
        """Add to the counters that exist."""

    def before(self, counter: BudgetCounter) -> BudgetCounter | None:
        """Return the counter of the same owner and kind of period that was begun last before this one."""

    def running(
        self, organization_id: str | None, owner: BudgetOwner, since: datetime, limit: int
    ) -> list[BudgetCounter]:
        """Return the counters of all owners of a kind whose period began since then; None is for the operator."""

    def purge(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` counters, of whatever organization, whose period began before."""


class EventLog(Protocol):
    """The events of runs: gap-free, append-only."""

    def append(self, run_id: str, owner: str, first_seq: int, events: Sequence[tuple[datetime, RunEvent]]) -> None:
        """Write events as `first_seq`, `first_seq` + 1 …; Conflict when the run is not ours or has moved on."""

    def begin(self, run_id: str, at: datetime, event: RunEvent) -> None:
        """Write the first event of a run that this transaction adds with an `event_count` of 1."""

    def read(self, run_id: str, after: int, limit: int) -> list[StoredEvent]:
        """Return events with a greater sequence number, in order."""

    def outline(self, conversation_id: str, limit: int) -> list[tuple[str, StoredEvent]]:
        """Return (run id, event) of the newest `limit` events of a conversation without its text pieces, in order."""

    def remove_of(self, conversation_id: str) -> int:
        """Delete the events of all runs of a conversation; return how many there were."""


class Jobs(Records[Job], Protocol):
    """The queue of background work."""

    def enqueue(self, job: Job) -> bool:
        """Insert; False when the organization has an unfinished job with that unique key (nothing is inserted then).

        Runners are woken when the unit has been committed.
        """

    def claim(self, owner: str, *, now: datetime, until: datetime, limit: int, after: str = "") -> list[Job]:
        """Lease up to `limit` due jobs, counting an attempt.

        Organizations take turns, beginning with the first whose id is greater than `after`; within one the order is by
        priority, then by the time they were due. Jobs whose lease has ended are due again, or dead after their last
        attempt.
        """

    def renew(self, owner: str, until: datetime) -> list[tuple[str, bool]]:
        """Renew every lease of this owner; return the id of each job and whether its cancel was requested."""

    def finish(self, job: Job, owner: str) -> bool:
        """Write status, due time, attempt, error, progress and end, and give up the lease; False when it was lost."""

    def report(self, job_id: str, owner: str, progress: int) -> bool:
        """Note how far a running job is, 0 to 100; False when the lease was lost."""

    def request_cancel(self, organization_id: str, job_id: str, at: datetime) -> bool:
        """Cancel a queued job, ask the runner of a running one to stop it; False when there is no unfinished one."""

    def release(self, owner: str) -> int:
        """Queue this owner's running jobs again without counting the attempt; return how many."""

    def abandon(self, owner_prefix: str) -> int:
        """End the leases of owners whose name begins so, because they are known to be dead; return how many."""

    def purge(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` done and cancelled jobs that ended before; dead ones stay until somebody decides."""


class Domains(Records[CustomDomain], Protocol):
    """Site addresses; one address may be claimed by many and verified for one."""

    def verified(self, domain: str) -> CustomDomain | None:
        """Return who has proved to own this address, of whatever organization."""


class AgentKeys(Records[AgentKey], Protocol):
    """Keys of single agents, found by the hash of the secret."""

    def by_hash(self, secret_hash: str) -> AgentKey | None:
        """Return the key with this hash, whatever its state and organization."""


class Revisions(Records[Revision], Protocol):
    """The log of an agent's configuration."""

    def latest(self, organization_id: str, agent_id: str, *, status: str | None = None) -> Revision | None:
        """Return the revision with the highest number (in this status, when given), or None."""

    def page(self, organization_id: str, agent_id: str, *, below: int, limit: int) -> list[Revision]:
        """Return revisions with a smaller number, newest first."""


class OAuthClients(Records[OAuthClient], Protocol):
    """Programs that sign in for themselves, found before the organization is known."""

    def by_id(self, client_id: str) -> OAuthClient | None: ...


class MadeFiles(Records[MadeFile], Protocol):
    """Files that agents made."""

    def by_id(self, file_id: str) -> MadeFile | None:
        """Return the file of this id in any organization: whoever knows it may read it."""


class DailyUses(Records[DailyUse], Protocol):
    """Calls per organization and day."""

    def count_call(self, organization_id: str, day: str) -> int:
        """Count one call and return how many there are on that day."""


class VisitorPasses(Records[VisitorPass], Protocol):
    """Passes of visitors, found before the organization is known."""

    def by_id(self, pass_id: str) -> VisitorPass | None: ...

    def conversation(self, conversation_id: str) -> Conversation | None:
        """Return a conversation by its id alone; who may see it has still to be checked."""


class Workflows(Records[Workflow], Protocol):
    """Workflows, with the look-ups that know no organization yet."""

    def by_id(self, workflow_id: str) -> Workflow | None: ...

    def due(self, now: datetime, limit: int) -> list[Workflow]:
        """Return enabled workflows whose next start has come, of all organizations."""

    def listening(self, organization_id: str) -> list[Workflow]:
        """Return enabled workflows that start on some event."""


class WorkflowRuns(Records[WorkflowRun], Protocol):
    """Executions of workflows and their leases."""

    def claim(self, run_id: str, owner: str, until: datetime, *, now: datetime) -> WorkflowRun | None:
        """Take the lease if it is free or expired, counting an attempt; None when somebody holds it."""

    def hold(self, run_id: str, owner: str, attempt: int) -> bool:
        """True, locking the row, while this process drives the run in this attempt: the fence of each checkpoint."""

    def save(self, run: WorkflowRun, owner: str) -> bool:
        """Write what the driver may change, if it still holds the run and nothing has arrived since (`signals`)."""

    def signal(self, organization_id: str, run_id: str, now: datetime) -> bool:
        """Note that something arrived for a run and make it due; False when it has ended."""

    def drop(self, run_id: str, owner: str, attempt: int, until: datetime) -> None:
        """Give up one lease after a failure of ours; the run is due again at `until`."""

    def cancel(self, organization_id: str, run_id: str, reason: str, now: datetime) -> bool:
        """End a run that has not ended; whoever drives it loses its fence. False when it has ended."""

    def renew(self, owner: str, until: datetime) -> None:
        """Renew every lease of this process."""

    def release(self, owner_prefix: str) -> int:
        """Give up the leases of owners whose name begins so; return how many."""

    def due(self, now: datetime, limit: int) -> list[WorkflowRun]:
        """Return runs that nobody drives and that have something to do, of all organizations."""

    def count_active(self, organization_id: str, workflow_id: str) -> int:
        """Return how many runs of a workflow have not ended."""


class Deliveries(Records[Delivery], Protocol):
    """Outgoing signed calls."""

    def purge(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` delivered ones that ended before, with their log; dead ones stay."""


class Listeners(Records[Listener], Protocol):
    """People who listen to events."""

    def ended(self, now: datetime, limit: int) -> list[Listener]:
        """Return up to `limit` that have left, of all organizations."""


class HeardEvents(Records[HeardEvent], Protocol):
    """What listeners are told."""

    def waiting(self, listener_id: str) -> int:
        """Return how many have no number yet."""

    def number(self, listener_id: str, limit: int) -> int:
        """Give the next numbers to up to `limit` that have none, oldest first; return how many."""

    def after(self, listener_id: str, seq: int, limit: int) -> list[HeardEvent]:
        """Return up to `limit` with a number above this one, in order."""

    def forget(self, listener_id: str, up_to: int) -> None:
        """Delete those numbered up to and with this."""


class Documents(Records[Document], Protocol):
    """Documents, and a number that says whether what may be searched has changed."""

    def version(self, organization_id: str) -> int:
        """Return a number that grows with every change of a document or collection, except `note`."""

    def note(self, document: Document, stage: str, progress: int) -> None:
        """Write how far the indexing of this version of the document is; nothing when a newer one has come."""

    def encoded_otherwise(self, encoding: str, limit: int) -> list[Document]:
        """Return searchable documents of all organizations that are encoded in another way, for the operator's job."""


class Passages(Records[Passage], Protocol):
    """Passages and what an index knows of them; `encoding` is the index's id."""

    def by_ids(self, organization_id: str, passage_ids: Sequence[str]) -> dict[str, Passage]:
        """Return those that exist, by id."""

    def add_codes(self, organization_id: str, encoding: str, codes: Sequence[EncodedPassage]) -> None:
        """Store codes; one that is there already stays."""

    def codes(self, organization_id: str, encoding: str, revisions: Mapping[str, str]) -> list[EncodedPassage]:
        """Return the codes of documents (id → revision), without details, each document in order of position."""

    def details(self, organization_id: str, encoding: str, passage_ids: Sequence[str]) -> dict[str, bytes]:
        """Return the details of these passages, by id."""

    def full_codes(self, organization_id: str, encoding: str, passage_ids: Sequence[str]) -> dict[str, EncodedPassage]:
        """Return the codes of these passages with their details, by id."""

    def of_revision(self, organization_id: str, document_id: str, revision: str | None) -> list[Passage]:
        """Return the passages of one revision in order; none for None."""

    def metadata(self, organization_id: str, revisions: Mapping[str, str]) -> list[tuple[str, str, Mapping[str, JSON]]]:
        """Return (passage id, document id, metadata) of every passage of documents (id → revision)."""

    def uncoded(self, organization_id: str, encoding: str, document: Document, limit: int) -> list[Passage]:
        """Return passages of the document's revision that have no code of this encoding, in order."""

    def drop_codes(self, organization_id: str, document_id: str, *, keep: str) -> None:
        """Delete the document's codes of every other encoding."""

    def drop(self, organization_id: str, document_id: str, revision: str) -> None:
        """Delete one revision with its codes."""

    def keep_only(self, organization_id: str, document_id: str, revision: str | None) -> None:
        """Delete every other revision of the document, with all codes; None deletes all."""


class OnceRequests(Records[OnceRequest], Protocol):
    """Requests that are answered once."""

    def purge(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` requests, of whatever organization, that were made before."""

    def end_leases(self, now: datetime) -> int:
        """Let every request that is being answered be taken by another; return how many there were."""


class AllFigures(Protocol):
    """What everything stored adds up to, over all organizations: for the operator only."""

    def read(self) -> Figures:
        """Return it. Looks at every run: not for the path of a request."""


class Transaction(Protocol):
    """One unit of work. Every attribute is a set of records of the same name."""

    organizations: Organizations
    users: Users
    memberships: Records[Membership]
    model_accounts: Records[ModelAccount]
    keys: Keys
    device_requests: DeviceRequests
    agents: Records[Agent]
    sub_agents: Records[SubAgent]
    conversations: Conversations
    messages: Messages
    visitors: Records[Visitor]
    collections: Records[Collection]
    documents: Documents
    unanswered: Records[UnansweredQuestion]
    passages: Passages
    runs: Runs
    events: EventLog
    jobs: Jobs
    deliveries: Deliveries
    delivery_attempts: Records[DeliveryAttempt]
    signing_secrets: Records[SigningSecret]
    webhooks: Records[Webhook]
    listeners: Listeners
    heard_events: HeardEvents
    mcp_servers: Records[McpServer]
    skills: Records[Skill]
    domains: Domains
    deployments: Records[Deployment]
    access_lists: AccessLists
    agent_keys: AgentKeys
    agent_secrets: Records[AgentSecret]
    revisions: Revisions
    revision_documents: Records[RevisionDocument]
    config_leases: Records[ConfigLease]
    oauth_clients: OAuthClients
    daily_uses: DailyUses
    budget_counters: BudgetCounters
    memories: Records[Memory]
    once_requests: OnceRequests
    activity: Records[Activity]
    visitor_passes: VisitorPasses
    workflows: Workflows
    workflow_revisions: Records[WorkflowRevision]
    workflow_runs: WorkflowRuns
    step_runs: Records[StepRun]
    bookings: Records[Booking]
    made_files: MadeFiles
    figures: AllFigures


class Store(Protocol):
    """Runs units of work: synchronous functions that only talk to the transaction they are given.

    A unit may run more than once (a batch it shared with a failing unit is rolled back and repeated), so it must have
    no effect but its writes. No unit waits for anything but the database.
    """

    @property
    def queue_length(self) -> int:
        """How many units wait to be written."""

    async def write(self, unit: Callable[[Transaction], R], *, guards_itself: bool = False) -> R:
        """Run the unit and return its value once it is durable; nothing of it is kept when it raises.

        `guards_itself`: each statement of the unit checks what it relies on (the claims and ends of jobs do), so that
        it need not be run again because of what others wrote meanwhile.
        """

    async def read(self, unit: Callable[[Transaction], R]) -> R:
        """Run the unit on a snapshot, beside writers."""

    def subscribe(self, topic: Topic, listener: Callable[[str], None]) -> Callable[[], None]:
        """Call `listener(key)` on this event loop after each commit that touched the topic; returns how to stop it.

        Topic "jobs": one became due (key "") or is to be cancelled ("cancel"). Topic "events": the run whose id is the
        key has new events. Topic "workflows": something arrived for the workflow run whose id is the key, or, with
        "ended:" before it, the run has ended. A hint that may come late or twice, and that other processes give only
        on PostgreSQL: look again each second.
        Topic "cancels": a run is to stop; its id, a blank and the reason.
        Topic "listening": the listener whose id is the key is told something.
        Topic "configuration": an agent, or something it uses, of the organization that is the key was changed.
        """
