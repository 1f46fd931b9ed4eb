"""Plans for the agents of a workspace, made by the server, and kept in a file until they are applied."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from trivium.cli._output import FAILED, StopError
from trivium.cli.workspace.choosing import chosen, needs_current
from trivium.cli.workspace.files import Agent
from trivium.cli.workspace.merging import Value

if TYPE_CHECKING:
    from trivium_client import ApplyResult, PublicChatbot, WizChat
    from trivium_client.models.wizchat import Op, SecretState

THREADS = 8
SAVED_VERSION = 1
T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[int, int | None], None]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What of a document is planned."""

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    prune: bool | None = None
    prune_workflows: bool = False
    max_deletes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The plan of one agent. `chatbot_id` is None for a chatbot that is still to be made."""

    agent: Agent
    chatbot_id: str | None
    document: dict[str, Value]
    result: "ApplyResult | None"
    secrets: "list[SecretState]" = field(default_factory=list)

    @property
    def changes(self) -> "list[Op]":
        return [] if self.result is None else [op for op in self.result.plan.ops if op.action != "noop"]

    @property
    def deletes(self) -> "list[Op]":
        return [op for op in self.changes if op.action == "delete"]

    @property
    def changed_secrets(self) -> "list[SecretState]":
        return [secret for secret in self.secrets if secret.action != "noop"]

    @property
    def has_changes(self) -> bool:
        return self.chatbot_id is None or bool(self.changes or self.changed_secrets)


def document_hash(document: dict[str, Value]) -> str:
    """Return what names a document, whatever the order of its keys; the server computes the same."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def chatbot_ids(client: "WizChat", agents: Sequence[Agent]) -> dict[str, str | None]:
    """Return the id of each agent's chatbot, found by id or by name; None where there is none yet."""
    return ids_among(client.list_chatbots(), agents)


def ids_among(bots: "Sequence[PublicChatbot]", agents: Sequence[Agent]) -> dict[str, str | None]:
    """The same among chatbots that are known already; raises StopError for a name that several have."""
    by_id = {bot.id for bot in bots}
    by_name: dict[str, list[str]] = {}
    for bot in bots:
        by_name.setdefault(bot.name, []).append(bot.id)
    found: dict[str, str | None] = {}
    for agent in agents:
        named = by_name.get(agent.chatbot, [])
        if agent.chatbot not in by_id and len(named) > 1:
            raise StopError(
                f"Several chatbots are named {agent.chatbot!r}.",
                hint=f"Say which by its id in {agent.files.shown(agent.files.base)}: {', '.join(named)}.",
                code="ambiguous",
            )
        found[agent.name] = agent.chatbot if agent.chatbot in by_id else next(iter(named), None)
    return found


def make_plans(
    client: "WizChat", agents: Sequence[Agent], choice: Choice, progress: Progress | None = None
) -> list[Planned]:
    """Return the plan of every agent, several at a time; nothing is written."""
    ids = chatbot_ids(client, agents)
    return in_parallel(agents, lambda agent: _plan(client, agent, ids[agent.name], choice), progress)


def _plan(client: "WizChat", agent: Agent, chatbot_id: str | None, choice: Choice) -> Planned:
    if chatbot_id is None:
        return Planned(agent=agent, chatbot_id=None, document=agent.document, result=None)
    current: dict[str, Value] | None = None
    if needs_current(choice.target, choice.exclude):
        exported = client.get_config(chatbot_id)
        current = cast("dict[str, Value]", exported.spec.model_dump(mode="json", exclude_unset=True))
    document = chosen(agent.document, current, target=choice.target, exclude=choice.exclude)
    if choice.prune is not None:
        document = {**document, "prune": choice.prune}
    result = client.apply_config(chatbot_id, document, dry_run=True)
    secrets = _plan_secrets(client, chatbot_id, agent.secrets, result)
    return Planned(agent=agent, chatbot_id=chatbot_id, document=document, result=result, secrets=secrets)


def _plan_secrets(
    client: "WizChat", chatbot_id: str, values: dict[str, str], result: "ApplyResult"
) -> "list[SecretState]":
    """Return what becomes of each secret. The server is not asked about those of servers that are still to be made."""
    from trivium_client.models.wizchat import SecretState

    made = {f"mcpServers/{op.key}/" for op in result.plan.ops if op.section == "mcpServers" and op.action == "create"}
    new = {place for place in values if place.startswith(tuple(made))} if made else set()
    known = {place: value for place, value in values.items() if place not in new}
    asked = client.secrets.put(chatbot_id, known, dry_run=True) if known else []
    return [*asked, *(SecretState(place=place, action="create") for place in sorted(new))]


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What came of one agent; `failure` says what stopped it."""

    agent: str
    revision: object = None
    failure: str | None = None

    def row(self) -> dict[str, object]:
        """Return the same for a table."""
        status = "applied" if self.failure is None else "failed"
        return {"agent": self.agent, "status": status, "revision": self.revision, "failure": self.failure}


def apply_all(
    client: "WizChat", plans: Sequence[Planned], choice: Choice, progress: Progress | None = None
) -> list[Applied]:
    """Carry out the plans, several agents at a time: none of them knows of another. One that is refused stops no other.

    Raises the client's error where the server cannot be reached or the key is refused.
    """
    return in_parallel(plans, lambda planned: _applied(client, planned, choice), progress)


def _applied(client: "WizChat", planned: Planned, choice: Choice) -> Applied:
    from trivium_client import ApiError, NotAuthenticated, RateLimited

    try:
        result = apply_plan(client, planned, choice)
    except (NotAuthenticated, RateLimited):
        raise
    except ApiError as error:
        return Applied(agent=planned.agent.name, failure=error.message)
    failed = result.failed if result is not None else None
    return Applied(
        agent=planned.agent.name,
        revision=result.revision if result is not None else None,
        failure=None if failed is None else f"{failed.op.get('section')}: {failed.message}",
    )


def apply_plan(client: "WizChat", planned: Planned, choice: Choice) -> "ApplyResult | None":
    """Carry out one plan: exactly the one that was shown, on the state it was made against. Returns the result.

    Raises the client's Conflict when document, plan or state have moved. Secrets are written last, when the tool
    servers they are for exist.
    """
    agent, result = planned.agent, planned.result
    chatbot_id = planned.chatbot_id
    applied = None
    if chatbot_id is None:
        chatbot_id = client.create_chatbot(agent_name(agent)).id
        applied = client.apply_config(chatbot_id, planned.document, max_deletes=choice.max_deletes)
    elif planned.changes and result is not None:
        applied = client.apply_config(
            chatbot_id,
            planned.document,
            if_match=result.base_etag,
            plan_hash=result.plan_hash,
            document_hash=result.document_hash,
            max_deletes=choice.max_deletes,
        )
    is_whole = applied is None or applied.failed is None
    if is_whole and agent.secrets and (planned.chatbot_id is None or planned.changed_secrets):
        client.secrets.put(chatbot_id, agent.secrets)
    return applied


def agent_name(agent: Agent) -> str:
    """Return what an agent is called once it is as its files want it."""
    spec = agent.document.get("spec")
    core = spec.get("core") if isinstance(spec, dict) else None
    name = core.get("name") if isinstance(core, dict) else None
    return name if isinstance(name, str) and name else agent.chatbot


def save(
    path: Path,
    server: str,
    plans: Sequence[Planned],
    choice: Choice,
    *,
    environment: str | None = None,
    workflows: Mapping[str, object] | None = None,
) -> None:
    """Keep plans in a file. It holds hashes and the shown plan, no document and no secret."""
    content = {
        "version": SAVED_VERSION,
        "server": server,
        "choice": {
            "target": choice.target,
            "exclude": choice.exclude,
            "prune": choice.prune,
            "pruneWorkflows": choice.prune_workflows,
            "maxDeletes": choice.max_deletes,
        },
        "agents": [
            {
                "agent": planned.agent.name,
                "environment": planned.agent.files.environment,
                "chatbotId": planned.chatbot_id,
                "documentHash": document_hash(planned.document),
                "baseETag": planned.result.base_etag if planned.result else None,
                "planHash": planned.result.plan_hash if planned.result else None,
                "summary": planned.result.plan.summary.model_dump() if planned.result else None,
                "secrets": _secret_marks(planned),
            }
            for planned in plans
        ],
        **({"workflows": {"environment": environment, **workflows}} if workflows is not None else {}),
    }
    path.write_text(json.dumps(content, indent=2) + "\n", "utf-8")


@dataclass(frozen=True, kw_only=True)
class Saved:
    """What a plan file holds."""

    server: str
    choice: Choice
    environment: str | None
    agents: dict[str, dict[str, object]]
    workflows: dict[str, object] | None = None


def read_saved(path: Path) -> Saved:
    """Return a saved plan; raises StopError for a file that is none."""
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["version"] != SAVED_VERSION:
            raise ValueError(f"version {content['version']}")
        picked = content["choice"]
        agents = {agent["agent"]: agent for agent in content["agents"]}
        workflows = content.get("workflows")
        environments = {part["environment"] for part in [*agents.values(), *([workflows] if workflows else [])]}
        choice = Choice(
            target=tuple(picked["target"]),
            exclude=tuple(picked["exclude"]),
            prune=picked["prune"],
            prune_workflows=picked.get("pruneWorkflows", False),
            max_deletes=picked["maxDeletes"],
        )
        return Saved(
            server=content["server"],
            choice=choice,
            environment=next(iter(environments), None),
            agents=agents,
            workflows=workflows,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StopError(f"{path}: not a saved plan: {error}", status=FAILED, code="not_a_plan") from error


def refuse_stale(saved: Saved, plans: Sequence[Planned]) -> None:
    """Raise StopError where files or server are no longer what the plan was made of."""
    for planned in plans:
        kept = saved.agents[planned.agent.name]
        found = {
            "documentHash": document_hash(planned.document),
            "chatbotId": planned.chatbot_id,
            "baseETag": planned.result.base_etag if planned.result else None,
            "planHash": planned.result.plan_hash if planned.result else None,
            "secrets": _secret_marks(planned),
        }
        moved = [name for name, value in found.items() if kept.get(name) != value]
        if moved:
            raise StopError(
                f"The plan of {planned.agent.name!r} is stale: {', '.join(moved)} changed since.",
                hint="Plan again.",
                code="stale_plan",
            )


def in_parallel(items: Sequence[T], work: Callable[[T], R], progress: Progress | None = None) -> list[R]:
    """Return the results in the order of the items, a few worked on at a time; the first error is raised."""
    results: list[R] = []
    pool = ThreadPoolExecutor(THREADS)
    try:
        for result in pool.map(work, items):
            results.append(result)
            if progress is not None:
                progress(len(results), len(items))
    finally:
        # After an error, and after Ctrl-C, what has not begun does not begin.
        pool.shutdown(cancel_futures=True)
    return results


def _secret_marks(planned: Planned) -> list[str]:
    return sorted(f"{secret.place} {secret.action} {secret.fingerprint or ''}".strip() for secret in planned.secrets)
