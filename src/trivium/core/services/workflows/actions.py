"""What each type of step does: one small function per type, given its rendered settings."""

import json
import urllib.parse
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, cast

import anyio

from trivium.core.errors import Conflict, InvalidRequest, NotPermitted, UpstreamFailed
from trivium.core.model.access import Principal
from trivium.core.model.agents import Agent, ToolConfig
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.runs import InputMessage, Run, RunInput, RunRequest
from trivium.core.model.workflows import Step, StepType, WorkflowRun
from trivium.core.ports import (
    ChatMessage,
    Clock,
    CodeRunner,
    Finished,
    FoundPassage,
    ModelRequest,
    Outbound,
    Prices,
    Store,
    TextChunk,
    ToolContext,
    Transaction,
)
from trivium.core.services.budgets import Budgets
from trivium.core.services.models import Models, usage_of
from trivium.core.services.runs import Runs
from trivium.core.services.tools import ToolBox
from trivium.core.services.workflows import templates
from trivium.core.services.workflows.children import require_held
from trivium.core.services.workflows.storing import CONFIG_CHARS_MAX, storing_problem

_TEXT_CHARS_MAX = 500_000
_BODY_BYTES_MAX = 1_000_000
_RETRYABLE_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_ASK_AGAIN = timedelta(seconds=15)
_IDEMPOTENT_METHODS = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True, kw_only=True)
class Call:
    """One execution of one step. `key` is the same in every attempt and process: the idempotency key of its effect.

    `is_repeat`: it was in flight when an earlier process ended, so its effect may have happened. `data` is what the
    step noted when it went to wait. `branches` are the names on the lines that leave the step.
    """

    run: WorkflowRun
    step: Step
    key: str
    scope: Mapping[str, JSON]
    config: JSONObject
    is_repeat: bool = False
    data: JSONObject = field(default_factory=dict)
    due_at: datetime | None = None
    branches: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Done:
    """The step has ended well. `branch` is the way it took; `data` is kept for the reader of the run."""

    output: JSON = None
    branch: str | None = None
    data: JSONObject = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Wait:
    """The step waits for a time or for a signal and holds nothing. `extra` is written with it, or not at all."""

    due_at: datetime | None
    data: JSONObject = field(default_factory=dict)
    extra: Callable[[Transaction], None] | None = None


class Search(Protocol):
    """Finds passages in the documents of an organization; `names` are what people call the documents to look in."""

    async def __call__(
        self, organization_id: str, query: str, *, names: Sequence[str], top_k: int
    ) -> Sequence[FoundPassage]: ...


Outcome = Done | Wait
Action = Callable[[Call], Awaitable[Outcome]]


class Actions:
    """The steps that reach outside: models, agents, tools, documents, the network and code."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        models: Models,
        runs: Runs,
        tools: ToolBox,
        search: Search,
        outbound: Outbound,
        code: CodeRunner,
        prices: Prices,
        budgets: Budgets,
    ) -> None:
        self._store = store
        self._clock = clock
        self._models = models
        self._runs = runs
        self._tools = tools
        self._search = search
        self._outbound = outbound
        self._code = code
        self._prices = prices
        self._budgets = budgets

    @property
    def by_type(self) -> dict[StepType, Action]:
        """The actions of this class by the type of step."""
        return {
            "llm": self.llm,
            "knowledge": self.knowledge,
            "agent": self.agent,
            "agent_tool": self.agent_tool,
            "mcp": self.mcp,
            "http": self.http,
            "code": self.code,
        }

    async def llm(self, call: Call) -> Outcome:
        """Ask a model once. With a schema the answer is parsed; text that is not JSON is a failure worth a retry.

        It counts against the budgets of the key that started the workflow, each attempt anew.
        """
        organization_id, key_id = call.run.organization_id, _key_id(call.run)
        await self._budgets.check_key(organization_id, key_id)
        accounts = await self._store.read(lambda tx: tx.model_accounts.find(organization_id, limit=20))
        choice = self._models.choose(_text(call, "model") or None, accounts)
        messages = [ChatMessage(role="user", text=_text(call, "prompt"))]
        if system := _text(call, "system"):
            messages.insert(0, ChatMessage(role="system", text=system))
        schema = cast("JSONObject | None", call.config.get("json_schema"))
        request = ModelRequest(
            model=choice.name,
            messages=messages,
            temperature=cast("float | None", call.config.get("temperature")),
            max_output_tokens=cast("int | None", call.config.get("max_tokens")),
            json_schema=schema,
        )
        parts: list[str] = []
        size = 0
        data: JSONObject = {"model": choice.full_name}
        async with aclosing(choice.provider.stream(request)) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, TextChunk):
                    parts.append(chunk.text)
                    size += len(chunk.text)
                elif isinstance(chunk, Finished):
                    data |= {"input_tokens": chunk.input_tokens, "output_tokens": chunk.output_tokens}
                    await self._budgets.charge_key(organization_id, key_id, usage_of(self._prices, choice, chunk))
                if size > _TEXT_CHARS_MAX:
                    raise UpstreamFailed("The model's answer is too long.", code="output_too_large")
        text = "".join(parts)
        if choice.note:
            data["note"] = choice.note
        return Done(output=text if schema is None else _parsed(text), data=data)

    async def knowledge(self, call: Call) -> Outcome:
        """Search the organization's documents; `files` narrows to documents by what people call them."""
        organization_id = call.run.organization_id
        wanted = call.config.get("files") or []
        names = wanted if isinstance(wanted, list) else [wanted]
        top_k = int(cast("int", call.config.get("top_k") or 5))
        texts = [str(name) for name in names[:50]]
        found = await self._search(organization_id, _text(call, "query"), names=texts, top_k=top_k)
        return Done(output=[_passage(one) for one in found])

    async def agent(self, call: Call) -> Outcome:
        """Have an agent answer; its run has the id that this try noted, so that it is started once."""
        run_id = str(call.data["run_id"])
        request = RunRequest(
            agent_id=_text(call, "agent_id"),
            input=RunInput(messages=(InputMessage(role="user", text=_text(call, "prompt")),)),
            conversation=_text(call, "conversation") or f"workflow-{run_id}",
            request_id=call.key,
            run_id=run_id,
            channel="workflow",
        )
        await self._runs.start(_principal(call.run), request, guard=lambda tx: require_held(tx, call.run))
        run = await self._runs.result(call.run.organization_id, run_id)
        return _answer_of(run, self._clock.now())

    async def agent_tool(self, call: Call) -> Outcome:
        """Call one tool, of an agent or with settings of its own."""
        tool = _text(call, "tool")
        config = cast("JSONObject", call.config.get("config") or {})
        agent = await self._tool_agent(call, ToolConfig(type=tool, config=config))
        return await self._call_tool(call, agent, tool)

    async def mcp(self, call: Call) -> Outcome:
        """Call one tool of an MCP server."""
        server, tool = _text(call, "server"), _text(call, "tool")
        agent = await self._tool_agent(call, ToolConfig(type="mcp", config={"server": server, "tools": [tool]}))
        return await self._call_tool(call, agent, tool)

    async def http(self, call: Call) -> Outcome:
        """Make a request with the step's key as `Idempotency-Key`, so that a careful receiver acts on it once."""
        method = (_text(call, "method") or "GET").upper()
        headers = {str(k): templates.to_text(v) for k, v in _object(call, "headers").items()}
        body = _body(call.config.get("body"), headers)
        if not any(name.lower() == "idempotency-key" for name in headers):
            headers["Idempotency-Key"] = call.key
        timeout_s = call.config.get("timeout")
        response = await self._outbound.request(
            method,
            _url(call),
            headers=headers,
            body=body,
            timeout_s=float(cast("float", timeout_s)) if timeout_s else 30.0,
            size_max=_BODY_BYTES_MAX,
        )
        if response.is_cut:
            raise UpstreamFailed(f"The answer is larger than {_BODY_BYTES_MAX} bytes.", code="response_too_large")
        output: JSONObject = {
            "status": response.status,
            "headers": {name.lower(): value for name, value in response.headers.items()},
            "body": _decoded(response.body, response.headers),
        }
        _check_status(call, response.status)
        return Done(output=output)

    async def code(self, call: Call) -> Outcome:
        """Run Python in the sandbox with the outputs so far as `inputs`."""
        timeout_s = call.config.get("timeout")
        seconds = float(cast("float", timeout_s)) if timeout_s else 10.0
        result = await self._code.run(_text(call, "source"), dict(call.scope), timeout_s=seconds)
        if result.error is not None:
            raise UpstreamFailed(result.error, code="code_failed", details={"output": result.output})
        return Done(output=result.value, data={"printed": result.output} if result.output else {})

    async def _tool_agent(self, call: Call, tool: ToolConfig) -> Agent:
        agent_id = _text(call, "agent_id")
        organization_id = call.run.organization_id
        if agent_id:
            return await self._store.read(lambda tx: tx.agents.get(organization_id, agent_id))
        now = self._clock.now()
        return Agent(
            id=call.run.workflow_id,
            organization_id=organization_id,
            name="workflow",
            created_at=now,
            updated_at=now,
            tools=(tool,),
        )

    async def _call_tool(self, call: Call, agent: Agent, tool: str) -> Outcome:
        specs = await self._tools.specs(agent)
        spec = next((one for one in specs if one.name == tool), None)
        spec = spec or next((one for one in specs if one.name.endswith(f"_{tool}")), None)
        if spec is None and len(specs) == 1 and agent.id == call.run.workflow_id:
            spec = specs[0]
        if spec is None:
            raise InvalidRequest(f"There is no tool {tool!r} here.", code="tool_not_found")
        if spec.requires_approval:
            raise NotPermitted(f"{tool} needs approval; put a human step before it.", code="approval_needed")
        if call.is_repeat and not (spec.is_repeatable or call.config.get("repeatable")):
            raise Conflict("The call was interrupted and may not be repeated.", code="interrupted")
        context = ToolContext(
            organization_id=agent.organization_id,
            agent=agent,
            conversation_id="",
            run_id=call.run.id,
            call_id=call.key,
        )
        result = await self._tools.call(spec.name, _object(call, "arguments"), context)
        if result.is_error:
            raise UpstreamFailed(templates.to_text(result.output)[:2_000], code="tool_failed", is_retryable=True)
        return Done(output=result.output)


def rendered(step: Step, scope: Mapping[str, JSON], literal: frozenset[str]) -> JSONObject:
    """Return the settings of a step with its templates filled in, but for the literal ones.

    InvalidRequest for a value that is missing and for more than four million characters.
    """
    config = {name: value if name in literal else templates.render(value, scope) for name, value in step.config.items()}
    problem = storing_problem(config, CONFIG_CHARS_MAX)
    if problem is not None:
        raise InvalidRequest(f"What the step is given {problem}.", code="too_large")
    return config


def _text(call: Call, name: str) -> str:
    return templates.to_text(call.config.get(name))


def _object(call: Call, name: str) -> JSONObject:
    value = call.config.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidRequest(f"{name} must be an object.", code="invalid_template")
    return value


def _principal(run: WorkflowRun) -> Principal:
    return Principal(
        organization_id=run.organization_id,
        kind="system",
        id=run.principal_id or run.workflow_id,
        key_id=_key_id(run),
    )


def _key_id(run: WorkflowRun) -> str | None:
    return run.principal_id if run.principal_id.startswith("key_") else None


def _answer_of(run: Run, now: datetime) -> Outcome:
    if run.status == "succeeded":
        return Done(output=run.output, data={"run_id": run.id})
    if run.status == "waiting":
        return Wait(due_at=now + _ASK_AGAIN, data={"run_id": run.id})
    raise UpstreamFailed(run.error_message or f"The agent's run was {run.status}.", code=run.error_code or "run_failed")


def _parsed(text: str) -> JSON:
    plain = text.strip()
    if plain.startswith("```"):
        plain = plain.partition("\n")[2].rpartition("```")[0]
    try:
        return cast("JSON", json.loads(plain))
    except (ValueError, RecursionError) as error:
        raise UpstreamFailed("The model's answer is not JSON.", code="invalid_json", is_retryable=True) from error


def _passage(found: FoundPassage) -> JSONObject:
    passage = found.passage
    return {
        "text": passage.text,
        "document": found.document_name,
        "document_id": passage.document_id,
        "page": passage.page,
        "score": found.score,
    }


def _url(call: Call) -> str:
    url = _text(call, "url").strip()
    query = {name: templates.to_text(value) for name, value in _object(call, "query").items()}
    if not query:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urllib.parse.urlencode(query)}"


def _body(body: JSON, headers: dict[str, str]) -> bytes | None:
    if body is None:
        return None
    if isinstance(body, str):
        return body.encode("utf-8", "replace")
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    return json.dumps(body).encode()


def _decoded(body: bytes, headers: Mapping[str, str]) -> JSON:
    content_type = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    text = body.decode("utf-8", "replace")
    if "json" not in content_type:
        return text
    try:
        return cast("JSON", json.loads(text, parse_constant=_refuse))
    except (ValueError, RecursionError):
        return text


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _check_status(call: Call, status: int) -> None:
    """A failing status fails the step when asked to; with retries set, those worth a retry do, too."""
    wants = call.config.get("fail_on_status")
    is_retryable = status in _RETRYABLE_STATUSES
    fails = status >= 400 if wants else wants is None and is_retryable and call.step.attempts_max > 1
    if fails:
        raise UpstreamFailed(
            f"The address answered with status {status}.", code="http_status", is_retryable=is_retryable
        )


async def bounded(action: Action, call: Call, timeout_s: float) -> Outcome:
    """Return the action's outcome, or UpstreamFailed with code "timeout"."""
    try:
        with anyio.fail_after(timeout_s):
            return await action(call)
    except TimeoutError as error:
        message = f"The step did not end within {timeout_s:g} seconds."
        raise UpstreamFailed(message, code="timeout", is_retryable=True, is_timeout=True) from error
