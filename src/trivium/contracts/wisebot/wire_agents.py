"""Agents and their tools as this contract spells them (sections 3.2 and 3.3)."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from trivium.contracts.wisebot.names import camel, snake, time_text
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.model.budgets import BudgetUse, read_agent_budgets
from trivium.core.model.json import JSON, JSONObject

# Sections 3.3 and 6.
TOOL_TYPES = frozenset(
    "image_search knowledge_base mcp search builtin:search escalate builtin:escalate resolve builtin:resolve "
    "book_appointment web_search run_code create_deck create_pdf http image browser_research website computer_use "
    "calculator current_time csv_lookup builtin:book_appointment builtin:web_search builtin:run_code "
    "builtin:create_deck builtin:create_pdf builtin:image_search".split()
)
# Named in section 6 without any setting: kept and given back, and told to be missing.
_NOT_OFFERED = frozenset({"image", "browser_research", "website", "computer_use"})
# Their settings are the core's; the others' are kept as they were given.
_OWN_SETTINGS = frozenset({"http", "book_appointment", "builtin:book_appointment"})


# Why a tool is not offered on this server, or None.
Lack = Callable[[ToolConfig], str | None]


class ToolBody(BaseModel):
    """One tool object; `status` and its reason are what we answer, and ignored on the way in."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    status: Any = None
    status_reason: Any = Field(default=None, alias="statusReason")
    type: str = Field(max_length=64)
    config: dict[str, Any] = Field(default_factory=dict)
    require_approval: bool = Field(default=False, alias="requireApproval")

    @field_validator("type")
    @classmethod
    def _is_known(cls, value: str) -> str:
        if value not in TOOL_TYPES:
            raise ValueError(f"unknown tool type {value!r}; known are {', '.join(sorted(TOOL_TYPES))}")
        return value


class BudgetBody(BaseModel):
    """What may be used in a day or a month (UTC); without a field there is no limit of that kind."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    period: Literal["day", "month"] = "day"
    requests_max: int | None = Field(default=None, alias="requestsMax", ge=0, strict=True)
    tokens_max: int | None = Field(default=None, alias="tokensMax", ge=0, strict=True)
    cost_usd_max: float | None = Field(default=None, alias="costUsdMax", ge=0, allow_inf_nan=False, strict=True)


class BudgetsBody(BaseModel):
    """What the runs of an agent may use together, and those of each visitor; one budget a day and one a month."""

    model_config = ConfigDict(extra="forbid")

    agent: list[BudgetBody] = Field(default_factory=list, max_length=2)
    visitor: list[BudgetBody] = Field(default_factory=list, max_length=2)


class AgentPatch(BaseModel):
    """What may be changed; a field that is absent stays as it is."""

    model_config = ConfigDict(populate_by_name=True)

    name: str | None = Field(default=None, min_length=1, max_length=200)
    model: str | None = Field(default=None, min_length=1, max_length=200)
    status: Literal["active", "draft"] | None = None
    tools: list[ToolBody] | None = Field(default=None, max_length=100)
    instructions: str | None = Field(default=None, max_length=100_000)
    system_prompt: str | None = Field(default=None, alias="systemPrompt", max_length=100_000)
    description: str | None = Field(default=None, max_length=10_000)
    greeting_message: str | None = Field(default=None, alias="greetingMessage", max_length=10_000)
    temperature: float | None = Field(default=None, ge=0, le=2)
    escalation: dict[str, Any] | None = None
    budgets: BudgetsBody | None = None


class AgentBody(AgentPatch):
    """A new agent: `name` and `model` are needed."""

    name: str = Field(min_length=1, max_length=200)
    model: str = Field(min_length=1, max_length=200)


def to_values(body: AgentPatch) -> dict[str, Any]:
    """Return the fields of an agent that the body sets, but for its tools, which have to be resolved first."""
    given = body.model_dump(exclude_unset=True, by_alias=False)
    values: dict[str, Any] = {
        name: given[name] for name in ("name", "model", "status", "description", "temperature") if name in given
    }
    text = given.get("instructions", given.get("system_prompt"))
    if text is not None:
        values["instructions"] = text
    if given.get("greeting_message") is not None:
        values["greeting"] = given["greeting_message"]
    return {name: value for name, value in values.items() if value is not None or name == "temperature"}


def to_settings(body: AgentPatch) -> JSONObject:
    """Return the settings that the body sets; InvalidRequest for two budgets of one period."""
    settings: JSONObject = {}
    if body.escalation is not None:
        settings["escalation"] = body.escalation
    if body.budgets is not None:
        settings["budgets"] = body.budgets.model_dump(exclude_none=True)
        read_agent_budgets(settings["budgets"])
    return settings


def to_tool(body: ToolBody, config: JSONObject) -> ToolConfig:
    """Return the tool with its settings, resolved."""
    if body.type in _OWN_SETTINGS:
        config = {snake(name): value for name, value in config.items()}
    if body.type == "knowledge_base" and "fileId" in config:
        config = {**config, "document_id": config["fileId"]}
    return ToolConfig(type=body.type, config=config, requires_approval=body.require_approval)


def lack_of(tool: ToolConfig, lack: Lack) -> str | None:
    """Return why the model will not see this tool, or None."""
    if tool.type in _NOT_OFFERED:
        return "No part of this server offers this tool."
    return lack(tool)


def agent_json(agent: Agent, lack: Lack) -> JSONObject:
    """Return an agent as it is listed and answered; tools that are not offered here say so."""
    tools: list[JSON] = [_tool_json(tool, lack) for tool in agent.tools]
    return {
        "id": agent.id,
        "name": agent.name,
        "model": agent.model or "",
        "status": "active" if agent.status == "active" else "draft",
        "tools": tools,
        "description": agent.description,
        "instructions": agent.instructions,
        "greetingMessage": agent.greeting,
        "temperature": agent.temperature,
        "createdAt": time_text(agent.created_at),
        "updatedAt": time_text(agent.updated_at),
    }


def budgets_json(uses: Sequence[BudgetUse]) -> JSONObject:
    """Return the agent's own budgets with what is used of them; nothing when it has none."""
    shown: list[JSON] = [
        {
            "period": use.limit.budget.period,
            "requestsMax": use.limit.budget.requests_max,
            "tokensMax": use.limit.budget.tokens_max,
            "costUsdMax": use.limit.budget.cost_usd_max,
            "requestsUsed": use.spent.requests,
            "tokensUsed": use.spent.tokens,
            "costUsdUsed": use.spent.cost_micros / 1e6,
            "resetsAt": time_text(use.resets_at),
        }
        for use in uses
    ]
    return {"budgetUse": shown} if shown else {}


def _tool_json(tool: ToolConfig, lack: Lack) -> JSON:
    shown: JSONObject = {"type": tool.type}
    config = tool.config
    if tool.type in _OWN_SETTINGS:
        config = {camel(name): value for name, value in config.items()}
    elif tool.type == "knowledge_base":
        config = {name: value for name, value in config.items() if name != "document_id"}
    if config:
        shown["config"] = config
    reason = lack_of(tool, lack)
    if reason is not None:
        shown |= {"status": "unavailable", "statusReason": reason}
    if tool.requires_approval:
        shown["requireApproval"] = True
    return shown
