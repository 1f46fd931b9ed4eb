"""Every table. Records' tables take their columns from the model; indexes and the few others are named here."""

from typing import Any, TypeVar

from sqlalchemy import BigInteger, Column, Index, LargeBinary, MetaData, Table, Text, text

from trivium.adapters.sql.codec import Codec
from trivium.core.model.access import ApiKey
from trivium.core.model.activity import Activity
from trivium.core.model.agents import Agent, SubAgent
from trivium.core.model.budgets import BudgetCounter
from trivium.core.model.capabilities import McpServer, Skill
from trivium.core.model.clients import DailyUse, OAuthClient
from trivium.core.model.config import ConfigLease, Revision, RevisionDocument
from trivium.core.model.conversations import Conversation, Message, Visitor
from trivium.core.model.deliveries import Delivery, DeliveryAttempt, HeardEvent, Listener, SigningSecret, Webhook
from trivium.core.model.desk import Booking, MadeFile
from trivium.core.model.devices import DeviceRequest
from trivium.core.model.jobs import Job
from trivium.core.model.knowledge import Collection, Document, Passage, UnansweredQuestion
from trivium.core.model.memory import Memory
from trivium.core.model.organizations import Membership, ModelAccount, Organization, User
from trivium.core.model.protection import AccessList, AgentKey, AgentSecret
from trivium.core.model.publishing import CustomDomain, Deployment
from trivium.core.model.requests import OnceRequest
from trivium.core.model.runs import Run
from trivium.core.model.visitors import VisitorPass
from trivium.core.model.workflows import StepRun, Workflow, WorkflowRevision, WorkflowRun

T = TypeVar("T")
metadata = MetaData()
codecs: dict[str, Codec[Any]] = {}


def _records(name: str, cls: type[T], *indexes: Index) -> Table:
    codec = codecs[name] = Codec(cls)
    columns = [field.column(primary_key=field.name == "id") for field in codec.fields]
    return Table(name, metadata, *columns, *indexes)


organizations = _records("organizations", Organization)
users = _records("users", User, Index("users_email", "email", unique=True))
memberships = _records("memberships", Membership, Index("memberships_user", "user_id", "organization_id", unique=True))
model_accounts = _records(
    "model_accounts",
    ModelAccount,
    Index("model_accounts_provider", "organization_id", "provider", unique=True),
)
keys = _records(
    "keys",
    ApiKey,
    Index("keys_hash", "secret_hash", unique=True),
    Index("keys_organization", "organization_id"),
)
device_requests = _records(
    "device_requests",
    DeviceRequest,
    Index("device_requests_code", "code_hash", unique=True),
    Index("device_requests_expiry", "expires_at"),
    Index("device_requests_user_code", "user_code_hash", unique=True),
)
agents = _records("agents", Agent, Index("agents_organization", "organization_id"))
sub_agents = _records("sub_agents", SubAgent, Index("sub_agents_agent", "agent_id"))
conversations = _records(
    "conversations",
    Conversation,
    Index("conversations_external", "agent_id", "external_id", unique=True),
    Index("conversations_recent", "organization_id", "agent_id", "updated_at"),
    Index("conversations_visitor", "organization_id", "visitor_id"),
)
messages = _records("messages", Message, Index("messages_position", "conversation_id", "position", unique=True))
visitors = _records("visitors", Visitor, Index("visitors_external", "organization_id", "external_id", unique=True))
collections = _records("collections", Collection, Index("collections_agent", "organization_id", "agent_id"))
documents = _records("documents", Document, Index("documents_organization", "organization_id", "folder", "name"))
unanswered = _records(
    "unanswered", UnansweredQuestion, Index("unanswered_agent", "organization_id", "agent_id", "resolved_at")
)
passages = _records(
    "passages",
    Passage,
    # No index on the organization alone: SQLite would take it for look-ups by id and read every passage.
    Index("passages_document", "document_id", "revision", "position"),
)
runs = _records(
    "runs",
    Run,
    Index("runs_agent", "organization_id", "agent_id", "created_at"),
    Index("runs_conversation", "conversation_id", "created_at"),
    Index("runs_key", "organization_id", "key_id", "created_at", sqlite_where=text("key_id IS NOT NULL")),
    Index("runs_organization", "organization_id", "created_at"),
    Index("runs_request", "organization_id", "request_id"),
    # Few of very many runs: both engines take it for certain, whatever they believe about the column.
    Index("runs_running", "organization_id", "status", sqlite_where=text("status = 'running'")),
    Index("runs_status", "status", "lease_until"),
    # Each turn asks twice whether a conversation is busy; without this every run it ever had would be looked at.
    Index(
        "runs_unfinished",
        "conversation_id",
        "created_at",
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
    Index(
        "runs_visitor",
        "organization_id",
        "agent_id",
        "visitor_id",
        "created_at",
        sqlite_where=text("visitor_id IS NOT NULL"),
    ),
)
jobs = _records(
    "jobs",
    Job,
    Index("jobs_due", "status", "organization_id", text("priority DESC"), "due_at", "id"),
    Index("jobs_leases", "status", "lease_until"),
    Index("jobs_organization", "organization_id", "created_at"),
    Index(
        "jobs_unique",
        "organization_id",
        "unique_key",
        unique=True,
        sqlite_where=text("status IN ('queued', 'running')"),
    ),
)
deliveries = _records(
    "deliveries",
    Delivery,
    Index("deliveries_organization", "organization_id", "status", "id"),
    Index("deliveries_ordering", "organization_id", "ordering_key", "status"),
    Index("deliveries_finished", "status", "finished_at"),
)
delivery_attempts = _records("delivery_attempts", DeliveryAttempt, Index("delivery_attempts_delivery", "delivery_id"))
signing_secrets = _records(
    "signing_secrets", SigningSecret, Index("signing_secrets_owner", "organization_id", "owner_id")
)
webhooks = _records("webhooks", Webhook, Index("webhooks_organization", "organization_id"))
listeners = _records("listeners", Listener, Index("listeners_organization", "organization_id"))
heard_events = _records(
    "heard_events",
    HeardEvent,
    Index("heard_events_seq", "listener_id", "seq", unique=True),
)
mcp_servers = _records("mcp_servers", McpServer, Index("mcp_servers_name", "agent_id", "name", unique=True))
skills = _records("skills", Skill, Index("skills_name", "agent_id", "name", unique=True))
domains = _records(
    "domains",
    CustomDomain,
    Index("domains_agent", "agent_id", "domain", unique=True),
    Index("domains_domain", "domain", "status"),
)
deployments = _records("deployments", Deployment)
access_lists = _records("access_lists", AccessList)
agent_keys = _records(
    "agent_keys",
    AgentKey,
    Index("agent_keys_hash", "secret_hash", unique=True),
    Index("agent_keys_agent", "agent_id", "purpose"),
)
agent_secrets = _records(
    "agent_secrets",
    AgentSecret,
    Index("agent_secrets_place", "agent_id", "owner_id", "name", unique=True),
)
revisions = _records("revisions", Revision, Index("revisions_number", "agent_id", "number", unique=True))
revision_documents = _records("revision_documents", RevisionDocument)
config_leases = _records("config_leases", ConfigLease)
oauth_clients = _records("oauth_clients", OAuthClient, Index("oauth_clients_organization", "organization_id"))
daily_uses = _records("daily_uses", DailyUse)
budget_counters = _records(
    "budget_counters",
    BudgetCounter,
    Index("budget_counters_owner", "organization_id", "owner", "owner_id", "starts_at"),
    Index("budget_counters_started", "starts_at"),
)
visitor_passes = _records(
    "visitor_passes",
    VisitorPass,
    Index("visitor_passes_visitor", "organization_id", "visitor_id"),
)
workflows = _records(
    "workflows",
    Workflow,
    Index("workflows_organization", "organization_id"),
    Index("workflows_due", "next_run_at"),
)
workflow_revisions = _records(
    "workflow_revisions",
    WorkflowRevision,
    Index("workflow_revisions_version", "workflow_id", "version", unique=True),
)
workflow_runs = _records(
    "workflow_runs",
    WorkflowRun,
    Index("workflow_runs_workflow", "workflow_id", "created_at"),
    Index("workflow_runs_organization", "organization_id", "created_at"),
    Index("workflow_runs_due", "status", "wake_at", "lease_until"),
    Index("workflow_runs_parent", "parent_run_id"),
    Index("workflow_runs_event", "workflow_id", "event_id", unique=True),
)
step_runs = _records(
    "step_runs",
    StepRun,
    Index("step_runs_run", "run_id"),
    Index(
        "step_runs_waiting",
        "organization_id",
        sqlite_where=text("status = 'waiting'"),
    ),
)
bookings = _records(
    "bookings",
    Booking,
    Index("bookings_slot", "organization_id", "slot", unique=True),
    Index("bookings_call", "organization_id", "call_key", unique=True),
    Index("bookings_day", "organization_id", "calendar", "day"),
)
made_files = _records("made_files", MadeFile, Index("made_files_call", "organization_id", "call_key", unique=True))
memories = _records("memories", Memory, Index("memories_module", "organization_id", "agent_id", "module"))
once_requests = _records("once_requests", OnceRequest, Index("once_requests_created", "created_at"))
activity = _records("activity", Activity, Index("activity_organization", "organization_id", "at"))

run_events = Table(
    "run_events",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),
    sqlite_with_rowid=False,
)

# What an index knows of each passage, one row per way of encoding; large, so apart from the text.
passage_codes = Table(
    "passage_codes",
    metadata,
    Column("passage_id", Text, primary_key=True),
    Column("encoding", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("document_id", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("code", LargeBinary, nullable=False),
    Column("detail", LargeBinary, nullable=False),
    Index("passage_codes_document", "document_id", "revision", "encoding"),
)

# A number per organization that grows when a document or collection changes.
knowledge_versions = Table(
    "knowledge_versions",
    metadata,
    Column("organization_id", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
)

# What decides how an agent answers; a change of it is signalled.
CONFIGURATION = frozenset({agents, sub_agents, collections, documents, mcp_servers, skills, agent_secrets})


def say_for_postgresql() -> None:
    """Give partial indexes their condition on PostgreSQL, too. Called before tables are made there: naming that engine
    above would load its dialect at every start (100 ms, 4 MB).
    """
    for table in metadata.tables.values():
        for index in table.indexes:
            where = index.dialect_options["sqlite"]["where"]
            if where is not None:
                index.dialect_options["postgresql"]["where"] = where
