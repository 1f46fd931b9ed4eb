"""Every table. Records' tables take their columns from the model; indexes and the few others are named here."""

from typing import Any, TypeVar

from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text

from trivium.adapters.sql.codec import Codec
from trivium.core.model.access import ApiKey
from trivium.core.model.activity import Activity
from trivium.core.model.agents import Agent, SubAgent
from trivium.core.model.conversations import Conversation, Message, Visitor
from trivium.core.model.jobs import Job
from trivium.core.model.knowledge import Collection, Document
from trivium.core.model.organizations import Membership, ModelAccount, Organization, User
from trivium.core.model.runs import Run

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
runs = _records(
    "runs",
    Run,
    Index("runs_conversation", "conversation_id", "created_at"),
    Index("runs_organization", "organization_id", "created_at"),
    Index("runs_status", "status", "lease_until"),
)
jobs = _records(
    "jobs",
    Job,
    Index("jobs_due", "status", "due_at"),
    Index("jobs_organization", "organization_id", "created_at"),
)
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
