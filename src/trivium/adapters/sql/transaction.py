"""The records of every aggregate on one connection."""

from trivium.adapters.sql import schema
from trivium.adapters.sql.access import SqlKeys, SqlOrganizations, SqlUsers
from trivium.adapters.sql.budgets import SqlBudgetCounters
from trivium.adapters.sql.config import (
    SqlAccessLists,
    SqlAgentKeys,
    SqlDailyUses,
    SqlDomains,
    SqlOAuthClients,
    SqlRevisions,
)
from trivium.adapters.sql.conversations import SqlConversations, SqlMessages
from trivium.adapters.sql.deliveries import SqlDeliveries
from trivium.adapters.sql.devices import SqlDeviceRequests
from trivium.adapters.sql.documents import SqlDocuments, VersionedRecords
from trivium.adapters.sql.events import SqlEventLog
from trivium.adapters.sql.figures import SqlFigures
from trivium.adapters.sql.jobs import SqlJobs
from trivium.adapters.sql.listeners import SqlHeardEvents, SqlListeners
from trivium.adapters.sql.made_files import SqlMadeFiles
from trivium.adapters.sql.once_requests import SqlOnceRequests
from trivium.adapters.sql.passages import SqlPassages
from trivium.adapters.sql.records import Session, SqlRecords
from trivium.adapters.sql.runs import SqlRuns
from trivium.adapters.sql.visitors import SqlVisitorPasses
from trivium.adapters.sql.workflows import SqlWorkflowRuns, SqlWorkflows
from trivium.core import ports
from trivium.core.model.activity import Activity
from trivium.core.model.agents import Agent, SubAgent
from trivium.core.model.capabilities import McpServer, Skill
from trivium.core.model.config import ConfigLease, RevisionDocument
from trivium.core.model.conversations import Visitor
from trivium.core.model.deliveries import DeliveryAttempt, SigningSecret, Webhook
from trivium.core.model.desk import Booking
from trivium.core.model.knowledge import Collection, UnansweredQuestion
from trivium.core.model.memory import Memory
from trivium.core.model.organizations import Membership, ModelAccount
from trivium.core.model.protection import AgentSecret
from trivium.core.model.publishing import Deployment
from trivium.core.model.workflows import StepRun, WorkflowRevision
from trivium.core.ports import Records


class SqlTransaction:
    """See `core.ports.store.Transaction`. Made once per connection; units of work use it one after the other."""

    def __init__(self, session: Session) -> None:
        self.organizations: ports.Organizations = SqlOrganizations(session)
        self.users: ports.Users = SqlUsers(session)
        self.memberships: Records[Membership] = SqlRecords(session, schema.memberships, "membership")
        self.model_accounts: Records[ModelAccount] = SqlRecords(session, schema.model_accounts, "model_account")
        self.keys: ports.Keys = SqlKeys(session)
        self.device_requests: ports.DeviceRequests = SqlDeviceRequests(session)
        self.agents: Records[Agent] = SqlRecords(session, schema.agents, "agent")
        self.sub_agents: Records[SubAgent] = SqlRecords(session, schema.sub_agents, "sub_agent")
        self.conversations: ports.Conversations = SqlConversations(session)
        self.messages: ports.Messages = SqlMessages(session)
        self.visitors: Records[Visitor] = SqlRecords(session, schema.visitors, "visitor")
        self.collections: Records[Collection] = VersionedRecords(session, schema.collections, "collection")
        self.documents: ports.Documents = SqlDocuments(session)
        self.unanswered: Records[UnansweredQuestion] = SqlRecords(session, schema.unanswered, "unanswered_question")
        self.passages: ports.Passages = SqlPassages(session)
        self.runs: ports.Runs = SqlRuns(session)
        self.events: ports.EventLog = SqlEventLog(session)
        self.jobs: ports.Jobs = SqlJobs(session)
        self.deliveries: ports.Deliveries = SqlDeliveries(session)
        self.delivery_attempts: Records[DeliveryAttempt] = SqlRecords(
            session, schema.delivery_attempts, "delivery_attempt"
        )
        self.signing_secrets: Records[SigningSecret] = SqlRecords(session, schema.signing_secrets, "signing_secret")
        self.webhooks: Records[Webhook] = SqlRecords(session, schema.webhooks, "webhook")
        self.listeners: ports.Listeners = SqlListeners(session)
        self.heard_events: ports.HeardEvents = SqlHeardEvents(session)
        self.mcp_servers: Records[McpServer] = SqlRecords(session, schema.mcp_servers, "mcp_server")
        self.skills: Records[Skill] = SqlRecords(session, schema.skills, "skill")
        self.domains: ports.Domains = SqlDomains(session)
        self.deployments: Records[Deployment] = SqlRecords(session, schema.deployments, "deployment")
        self.access_lists: ports.AccessLists = SqlAccessLists(session)
        self.agent_keys: ports.AgentKeys = SqlAgentKeys(session)
        self.agent_secrets: Records[AgentSecret] = SqlRecords(session, schema.agent_secrets, "secret")
        self.revisions: ports.Revisions = SqlRevisions(session)
        self.revision_documents: Records[RevisionDocument] = SqlRecords(session, schema.revision_documents, "revision")
        self.config_leases: Records[ConfigLease] = SqlRecords(session, schema.config_leases, "config_lease")
        self.oauth_clients: ports.OAuthClients = SqlOAuthClients(session)
        self.daily_uses: ports.DailyUses = SqlDailyUses(session)
        self.budget_counters: ports.BudgetCounters = SqlBudgetCounters(session)
        self.memories: Records[Memory] = SqlRecords(session, schema.memories, "memory")
        self.once_requests: ports.OnceRequests = SqlOnceRequests(session)
        self.activity: Records[Activity] = SqlRecords(session, schema.activity, "activity")
        self.visitor_passes: ports.VisitorPasses = SqlVisitorPasses(session)
        self.workflows: ports.Workflows = SqlWorkflows(session)
        self.workflow_revisions: Records[WorkflowRevision] = SqlRecords(session, schema.workflow_revisions, "workflow")
        self.workflow_runs: ports.WorkflowRuns = SqlWorkflowRuns(session)
        self.step_runs: Records[StepRun] = SqlRecords(session, schema.step_runs, "step_run")
        self.bookings: Records[Booking] = SqlRecords(session, schema.bookings, "booking")
        self.made_files: ports.MadeFiles = SqlMadeFiles(session)
        self.figures: ports.AllFigures = SqlFigures(session)
