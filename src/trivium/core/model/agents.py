"""Configured assistants and what they may use."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from trivium.core.model.json import JSON, JSONObject

Concurrency = Literal["reject", "enqueue", "interrupt"]
AgentStatus = Literal["draft", "active", "paused", "archived"]


@dataclass(frozen=True, kw_only=True)
class RunLimits:
    """What one run may use; None means no limit of that kind."""

    steps_max: int = 16
    tool_calls_max: int = 64
    tokens_max: int | None = None
    duration_s_max: float | None = 600.0
    cost_usd_max: float | None = None


@dataclass(frozen=True, kw_only=True)
class ToolConfig:
    """A tool switched on for an agent; `type` names its host or builtin, `config` is that host's own."""

    type: str
    config: JSONObject = field(default_factory=dict)
    requires_approval: bool = False


@dataclass(frozen=True, kw_only=True)
class Agent:
    """A configured assistant. `model` is `provider/model`, a bare name, or None for the organization's default."""

    id: str
    organization_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    version: int = 1
    description: str = ""
    status: AgentStatus = "active"
    model: str | None = None
    instructions: str = ""
    persona: str = ""
    greeting: str = ""
    temperature: float | None = None
    max_output_tokens: int | None = None
    tools: tuple[ToolConfig, ...] = ()
    limits: RunLimits = field(default_factory=RunLimits)
    concurrency: Concurrency = "enqueue"
    requires_auth: bool = False
    # What other parts of the product know by name (appearance, domains, telemetry …), kept as they were given.
    settings: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SubAgent:
    """A helper an agent may delegate to, with an objective and tools of its own."""

    id: str
    organization_id: str
    agent_id: str
    name: str
    description: str
    objective: str
    created_at: datetime
    tools: tuple[str, ...] = ()
    workflow_type: Literal["react", "hierarchical"] = "react"
    last_active_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ToolSpec:
    """What a model is told about a tool, and what the loop must know to run it.

    `is_repeatable`: calling it a second time with the same input does no harm, so a call that was in flight in a crash
    is made again; otherwise such a run ends with a failure.
    """

    name: str
    description: str
    input_schema: JSONObject
    is_repeatable: bool = False
    requires_approval: bool = False
    timeout_s: float = 60.0
    source: JSON = None
