"""The services, wired: the only door to the core for everyone outside."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from trivium.core.jobs import job_kinds
from trivium.core.ports import (
    BlobStore,
    Calendar,
    Clock,
    CodeRunner,
    Embedder,
    Extractor,
    FileTree,
    Images,
    ModelProviders,
    Outbound,
    PassageIndex,
    Passwords,
    Prices,
    SchemaCheck,
    Seal,
    Store,
    Tokens,
    ToolContext,
    ToolHost,
    Transaction,
)
from trivium.core.ports.dns import TxtRecords
from trivium.core.ports.mcp import McpClients
from trivium.core.ports.tracing import RunTracer
from trivium.core.reconcile.checks import plan_hash
from trivium.core.reconcile.management import Management, wire_management
from trivium.core.reconcile.overview import Overview
from trivium.core.reconcile.revisions import add_agent
from trivium.core.reconcile.secret_store import Place, SecretChange
from trivium.core.reconcile.service import ApplyRequest
from trivium.core.reconcile.workflow_configs import (
    WorkflowConfigs,
    WorkflowDrift,
    WorkflowsApplied,
    WorkflowSet,
    WorkflowsRequest,
)
from trivium.core.reconcile.workflow_documents import draft_of, wish_of
from trivium.core.services.access import Access
from trivium.core.services.activity import ActivityLog, Happening, clamp_limit
from trivium.core.services.admission import Admission, RunSettings
from trivium.core.services.agent_removal import AgentRemoval
from trivium.core.services.agents import Agents
from trivium.core.services.announcing import EVENT_TYPES
from trivium.core.services.budgets import Budgets
from trivium.core.services.conversations import Conversations
from trivium.core.services.deliveries import Deliveries, check_url
from trivium.core.services.desk import Desk, wire_desk
from trivium.core.services.device_keys import key_expiry
from trivium.core.services.device_logins import Choice, Confirmation
from trivium.core.services.files import AgentFiles
from trivium.core.services.gate import Proof, is_site
from trivium.core.services.inbox import Correspondence, News
from trivium.core.services.indexing import Indexing
from trivium.core.services.job_runner import JobRunner
from trivium.core.services.jobs import Jobs
from trivium.core.services.knowledge import Knowledge, Upload
from trivium.core.services.knowledge_tool import KnowledgeTool
from trivium.core.services.listening import Heard, Listening
from trivium.core.services.loop import AgentLoop
from trivium.core.services.made_files import MadeFiles
from trivium.core.services.memory import Memories
from trivium.core.services.model_accounts import ModelAccounts
from trivium.core.services.models import Models
from trivium.core.services.observability import Observability
from trivium.core.services.once import Once
from trivium.core.services.prompt import ContextSource
from trivium.core.services.publishing import Published, record_name
from trivium.core.services.questions import Answer, Question, Questions
from trivium.core.services.remembered import Remembered
from trivium.core.services.removal import Removal
from trivium.core.services.retaining import Retaining
from trivium.core.services.run_driver import RunDriver
from trivium.core.services.runs import Runs
from trivium.core.services.searching import Searching
from trivium.core.services.signing import SigningSecrets
from trivium.core.services.sub_agents import SubAgents
from trivium.core.services.tools import ToolBox
from trivium.core.services.tracing import RunTracing
from trivium.core.services.unanswered import Unanswered
from trivium.core.services.visitors import Opened, Said
from trivium.core.services.webhooks import Webhooks
from trivium.core.services.workflows.assembly import Needs, stored_workflows
from trivium.core.services.workflows.service import Draft, Workflows

__all__ = [
    "EVENT_TYPES",
    "Access",
    "Adapters",
    "Answer",
    "ApplyRequest",
    "Budgets",
    "Choice",
    "Confirmation",
    "Correspondence",
    "Draft",
    "Happening",
    "Heard",
    "Management",
    "ModelAccounts",
    "News",
    "Opened",
    "Overview",
    "Place",
    "Platform",
    "PlatformSettings",
    "Proof",
    "Published",
    "Question",
    "RunSettings",
    "Said",
    "SecretChange",
    "ToolContext",
    "Transaction",
    "Upload",
    "WorkflowConfigs",
    "WorkflowDrift",
    "WorkflowSet",
    "WorkflowsApplied",
    "WorkflowsRequest",
    "add_agent",
    "check_url",
    "clamp_limit",
    "draft_of",
    "is_site",
    "key_expiry",
    "plan_hash",
    "record_name",
    "stored_workflows",
    "wire",
    "wish_of",
]


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """What the core needs from outside, one implementation for each port."""

    store: Store
    clock: Clock
    blobs: BlobStore
    tokens: Tokens
    passwords: Passwords
    seal: Seal
    outbound: Outbound
    providers: ModelProviders
    prices: Prices
    schemas: SchemaCheck
    images: Images
    file_tree: FileTree
    extractor: Extractor
    passage_index: PassageIndex
    embedder: Embedder
    calendar: Calendar
    code: CodeRunner
    # Ways of encoding that documents may still stand in after a change of embedder.
    earlier_indexes: Sequence[PassageIndex] = ()
    tool_hosts: Sequence[ToolHost] = ()
    mcp_clients: McpClients | None = None
    txt_records: TxtRecords | None = None
    tracer: RunTracer | None = None


@dataclass(frozen=True, kw_only=True)
class PlatformSettings:
    """The values of the settings that use cases need."""

    runs: RunSettings
    model_fallback_is_error: bool = False
    token_lifetime_s: float = 43_200.0
    daily_calls_max: int | None = None


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Every use case. Contracts get this and nothing else."""

    store: Store
    clock: Clock
    blobs: BlobStore
    access: Access
    agents: Agents
    conversations: Conversations
    files: AgentFiles
    memory: Memories
    once: Once
    observability: Observability
    budgets: Budgets
    models: Models
    tools: ToolBox
    sub_agents: SubAgents
    knowledge: Knowledge
    unanswered: Unanswered
    jobs: Jobs
    job_runner: JobRunner
    deliveries: Deliveries
    webhooks: Webhooks
    listening: Listening
    signing_secrets: SigningSecrets
    runs: Runs
    run_driver: RunDriver
    management: Management
    desk: Desk
    workflow_configs: WorkflowConfigs
    questions: Questions
    remembered: Remembered
    made_files: MadeFiles
    tracing: RunTracing | None = None
    background: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def workflows(self) -> Workflows:
        """Diagrams of steps and their runs."""
        return self.desk.workflows

    @property
    def activity(self) -> ActivityLog:
        """What happened lately."""
        return self.desk.activity

    async def open(self, *, drives_runs: bool = True, takes_over: str | None = None) -> None:
        """Begin the work that belongs to no request: renewing leases, resuming runs, background jobs."""
        self.remembered.open()
        if drives_runs:
            if takes_over is not None:
                await self.once.take_over()
            await self.run_driver.open(takes_over=takes_over)
            await self.desk.timetable.open(takes_over=takes_over)
        if self.tracing is not None:
            self.background.append(asyncio.create_task(self.tracing.run(), name="run-tracing"))
        self.background.append(asyncio.create_task(self.job_runner.run(takes_over=takes_over), name="job-runner"))

    async def close(self, *, grace_s: float) -> None:
        """End it: runs get `grace_s` to reach their end and are otherwise left to be resumed."""
        self.job_runner.stop()
        async with asyncio.TaskGroup() as closing:
            closing.create_task(self.desk.timetable.close(grace_s=grace_s))
            closing.create_task(self.run_driver.close(grace_s=grace_s))
        if self.tracing is not None:
            self.tracing.stop()
        await asyncio.gather(*self.background, return_exceptions=True)
        await self.access.flush_usage()
        self.remembered.close()


def wire(adapters: Adapters, settings: PlatformSettings) -> Platform:
    """Return the platform over these adapters; nothing is started yet."""
    store, clock = adapters.store, adapters.clock
    models = Models(adapters.providers, fallback_is_error=settings.model_fallback_is_error)
    remembered = Remembered(store)
    tools = ToolBox(hosts=adapters.tool_hosts, schemas=adapters.schemas, remembered=remembered)
    jobs = Jobs(store=store, clock=clock)
    indexing = _indexing(adapters, jobs)
    unanswered = Unanswered(store=store, index=adapters.passage_index, jobs=jobs, clock=clock)
    knowledge = _knowledge(adapters, jobs, indexing)
    tools.add_host(KnowledgeTool(knowledge=knowledge, unanswered=unanswered, store=store))
    removal = Removal(jobs=jobs, blobs=adapters.blobs)
    management = _management(adapters, settings, remembered, removal=removal, tools=tools)
    admission = Admission(clock=clock, models=models, settings=settings.runs)
    files = _files(adapters)
    memory = Memories(store=store, clock=clock, embedder=adapters.embedder)
    tools.keep_memories_in(memory)
    context_sources: Sequence[ContextSource] = (management.skills, memory, files)
    budgets = Budgets(store=store, clock=clock)
    driver = _driver(adapters, tools, admission, pictures=files, context_sources=context_sources, budgets=budgets)
    secrets = SigningSecrets(store=store, clock=clock, seal=adapters.seal)
    deliveries = Deliveries(store=store, clock=clock, jobs=jobs, outbound=adapters.outbound, secrets=secrets)
    listening = Listening(store=store, clock=clock, secrets=secrets)
    retaining = _retaining(adapters, driver, jobs, memories=memory, models=models, budgets=budgets)
    once = Once(store=store, clock=clock, seal=adapters.seal)
    jobs.register(
        job_kinds(
            jobs=jobs,
            deliveries=deliveries,
            listening=listening,
            indexing=indexing,
            unanswered=unanswered,
            management=management,
            retaining=retaining,
            once=once,
            removal=removal,
            agent_removal=AgentRemoval(store=store, clock=clock, knowledge=knowledge, removal=removal),
            budgets=budgets,
        )
    )
    runs = Runs(store=store, clock=clock, admission=admission, driver=driver)
    webhooks = Webhooks(store=store, clock=clock, deliveries=deliveries, secrets=secrets)
    needs = _needs(adapters, settings.runs, models=models, runs=runs, tools=tools, knowledge=knowledge, budgets=budgets)
    desk = wire_desk(needs, webhooks=webhooks, run_driver=driver, gate=management.gate)
    indexing.hooks.append(desk.announcing.document_indexed)
    _join(desk, management)
    return Platform(
        store=store,
        clock=clock,
        blobs=adapters.blobs,
        access=_access(adapters, settings),
        agents=Agents(store=store, clock=clock),
        conversations=Conversations(store=store, removal=removal),
        files=files,
        memory=memory,
        once=once,
        observability=Observability(store=store),
        budgets=budgets,
        models=models,
        tools=tools,
        sub_agents=SubAgents(store=store, clock=clock),
        knowledge=knowledge,
        unanswered=unanswered,
        jobs=jobs,
        job_runner=JobRunner(store=store, clock=clock, jobs=jobs, owner=settings.runs.owner),
        deliveries=deliveries,
        webhooks=webhooks,
        listening=listening,
        signing_secrets=secrets,
        runs=runs,
        run_driver=driver,
        management=management,
        questions=Questions(store=store, clock=clock, gate=management.gate, runs=runs, files=files),
        desk=desk,
        workflow_configs=WorkflowConfigs(store=store, clock=clock, workflows=desk.workflows),
        remembered=remembered,
        made_files=MadeFiles(store=store, blobs=adapters.blobs),
        tracing=_tracing(adapters, driver),
    )


def _files(adapters: Adapters) -> AgentFiles:
    return AgentFiles(
        tree=adapters.file_tree, blobs=adapters.blobs, images=adapters.images, extractor=adapters.extractor
    )


def _join(desk: Desk, management: Management) -> None:
    """Have changes made in forms noted like those of a document, one after the other."""
    desk.agent_writing.write_hooks.append(management.configs.note_write)
    desk.agent_writing.before_hooks.append(management.configs.note_before)
    desk.agent_writing.turn = management.configs.turns.turn


def _retaining(
    adapters: Adapters, driver: RunDriver, jobs: Jobs, *, memories: Memories, models: Models, budgets: Budgets
) -> Retaining:
    retaining = Retaining(
        store=adapters.store, jobs=jobs, memories=memories, models=models, prices=adapters.prices, budgets=budgets
    )
    driver.finish_hooks.append(retaining.finished)
    return retaining


def _driver(
    adapters: Adapters,
    tools: ToolBox,
    admission: Admission,
    *,
    pictures: AgentFiles,
    context_sources: Sequence[ContextSource],
    budgets: Budgets,
) -> RunDriver:
    return RunDriver(
        store=adapters.store,
        clock=adapters.clock,
        tools=tools,
        loop=AgentLoop(tools=tools, prices=adapters.prices, pictures=pictures, budgets=budgets),
        blobs=adapters.blobs,
        admission=admission,
        context_sources=context_sources,
    )


def _tracing(adapters: Adapters, driver: RunDriver) -> RunTracing | None:
    if adapters.tracer is None:
        return None
    tracing = RunTracing(store=adapters.store, tracer=adapters.tracer)
    driver.finish_hooks.append(tracing.finished)
    return tracing


def _knowledge(adapters: Adapters, jobs: Jobs, indexing: Indexing) -> Knowledge:
    return Knowledge(
        store=adapters.store,
        blobs=adapters.blobs,
        extractor=adapters.extractor,
        indexing=indexing,
        searching=Searching(store=adapters.store, indexes=[adapters.passage_index, *adapters.earlier_indexes]),
        jobs=jobs,
        clock=adapters.clock,
    )


def _access(adapters: Adapters, settings: PlatformSettings) -> Access:
    return Access(
        store=adapters.store,
        clock=adapters.clock,
        tokens=adapters.tokens,
        passwords=adapters.passwords,
        token_lifetime_s=settings.token_lifetime_s,
    )


def _indexing(adapters: Adapters, jobs: Jobs) -> Indexing:
    return Indexing(
        store=adapters.store,
        blobs=adapters.blobs,
        extractor=adapters.extractor,
        index=adapters.passage_index,
        jobs=jobs,
        clock=adapters.clock,
        outbound=adapters.outbound,
    )


def _management(
    adapters: Adapters, settings: PlatformSettings, remembered: Remembered, *, removal: Removal, tools: ToolBox
) -> Management:
    management = wire_management(
        remembered=remembered,
        removal=removal,
        store=adapters.store,
        clock=adapters.clock,
        seal=adapters.seal,
        tokens=adapters.tokens,
        mcp_clients=adapters.mcp_clients,
        txt_records=adapters.txt_records,
        daily_calls_max=settings.daily_calls_max,
    )
    tools.add_host(management.capabilities)
    tools.add_host(management.skills)
    return management


def _needs(
    adapters: Adapters,
    settings: RunSettings,
    *,
    models: Models,
    runs: Runs,
    tools: ToolBox,
    knowledge: Knowledge,
    budgets: Budgets,
) -> Needs:
    return Needs(
        store=adapters.store,
        clock=adapters.clock,
        calendar=adapters.calendar,
        code=adapters.code,
        outbound=adapters.outbound,
        models=models,
        runs=runs,
        tools=tools,
        knowledge=knowledge,
        budgets=budgets,
        prices=adapters.prices,
        owner=settings.owner,
        lease_s=settings.lease_s,
    )
