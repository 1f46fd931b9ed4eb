"""One execution of an agent."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trivium.core.model.agents import Concurrency, RunLimits
from trivium.core.model.conversations import Image
from trivium.core.model.json import JSON, JSONObject

RunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
FINAL_STATUSES = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True, kw_only=True)
class Usage:
    """What one model used. `cost_usd` None: the price is not known (never: free)."""

    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


@dataclass(frozen=True, kw_only=True)
class InputMessage:
    """What the caller said in this run; only the last one is the question."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, kw_only=True)
class FilterHint:
    """A filter the caller wants a tool to apply to its data."""

    tool_name: str
    key: str
    value: JSON
    operator: str = "equals"


@dataclass(frozen=True, kw_only=True)
class RunInput:
    """Everything a run was given; stored with it, so that a resumed run starts from the same."""

    messages: tuple[InputMessage, ...]
    images: tuple[Image, ...] = ()
    files: tuple[str, ...] = ()
    filter_hints: tuple[FilterHint, ...] = ()
    tool_headers: dict[str, str] = field(default_factory=dict)
    retains_memory: bool = False
    limits: RunLimits | None = None
    metadata: JSONObject = field(default_factory=dict)

    @property
    def question(self) -> str:
        """The text of the last user message, or of the last message when no user spoke."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text
        return self.messages[-1].text if self.messages else ""


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A wish for an answer. `conversation`: the caller's own name for it (None makes a new one)."""

    agent_id: str
    input: RunInput
    conversation: str | None = None
    conversation_id: str | None = None
    visitor_id: str | None = None
    request_id: str = ""
    concurrency: Concurrency | None = None
    channel: str = "api"
    callback_url: str | None = None
    # Given by a caller that may have to ask again after a crash: the same id is the same run.
    run_id: str | None = None


@dataclass(frozen=True, kw_only=True)
class Run:
    """A stored run. `event_count` is the sequence number of its last committed event.

    `lease_owner` is the process that drives it; after `lease_until` any process may take it over. `key_id` is the API
    key behind it, whoever asked: a visitor in a chat that a key opened, a workflow that a key started.
    """

    id: str
    organization_id: str
    agent_id: str
    conversation_id: str
    request_id: str
    channel: str
    status: RunStatus
    input: RunInput
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    output: str = ""
    error_code: str | None = None
    error_message: str | None = None
    usage: tuple[Usage, ...] = ()
    model: str = ""
    principal_id: str = ""
    key_id: str | None = None
    visitor_id: str | None = None
    event_count: int = 0
    attempt: int = 1
    cancel_requested: bool = False
    lease_owner: str | None = None
    lease_until: datetime | None = None
    metadata: JSONObject = field(default_factory=dict)

    @property
    def is_final(self) -> bool:
        """True when no further event can come."""
        return self.status in FINAL_STATUSES


@dataclass(frozen=True, kw_only=True)
class RunTotals:
    """What the runs of an agent add up to. Latencies are of runs that have ended, in seconds; None when none has."""

    count_by_status: dict[RunStatus, int] = field(default_factory=dict)
    input_tokens: int = 0
    output_tokens: int = 0
    latency_s_mean: float | None = None
    latency_s_min: float | None = None
    latency_s_max: float | None = None
