"""Keeping what is worth it from a conversation, after the run that asked for it has ended."""

import json
import re
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime

from trivium.core.errors import CoreError, NotFound
from trivium.core.events import RunEvent, RunFinished
from trivium.core.model.agents import Agent
from trivium.core.model.budgets import Limit
from trivium.core.model.json import JSON
from trivium.core.model.organizations import ModelAccount
from trivium.core.model.runs import Run
from trivium.core.ports import ChatMessage, Finished, ModelRequest, Prices, Store, TextChunk, Transaction
from trivium.core.services.budgets import Budgets, limits_of
from trivium.core.services.jobs import JobRun, Jobs
from trivium.core.services.memory import Memories
from trivium.core.services.models import ModelChoice, Models, usage_of

RETAIN_JOB = "memory.retain"
_STATEMENTS_MAX = 10
_STATEMENT_CHARS_MAX = 400
_TEXT_CHARS_MAX = 12_000
_REPLY_CHARS_MAX = 20_000
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_REMEMBER = re.compile(
    r"^\W*(?:please\s+)?(?:remember|note|keep in mind|don't forget)(?:\s+that|\s*[:,])?\s+", re.IGNORECASE
)
# What people say about themselves, their things and their wishes, as far as rules can tell.
_LASTING = re.compile(
    r"\b(?:my|our)\s+[\w\s'-]{1,60}?\s+(?:is|are|was|has|have)\b"
    r"|\b(?:i|we)\s+(?:am|are|live|work|prefer|like|love|hate|use|need|want|have|own|run|speak|never|always)\b"
    r"|\b(?:i'm|we're|i've|we've|call me|from now on)\b"
    r"|\b(?:always|never)\b"
    r"|\b[\w-]+(?:\s+[\w-]+){0,3}\s+(?:is|are)\s+(?:always\s+)?(?:closed|open|responsible|located|due|called)\b",
    re.IGNORECASE,
)
_PROMPT = (
    "Below is what a person said to an assistant and what the assistant answered. Write down what is worth remembering "
    "about the person, their things and their wishes for later conversations: short statements in the third person "
    "that stand by themselves. Leave out questions, greetings and whatever is only true now. Answer with a JSON array "
    "of strings and nothing else; with [] when there is nothing."
)


class Retaining:
    """`retains_memory` of a run: what the person said is looked through once the run has finished."""

    def __init__(
        self,
        *,
        store: Store,
        jobs: Jobs,
        memories: Memories,
        models: Models,
        prices: Prices,
        budgets: Budgets,
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._memories = memories
        self._models = models
        self._prices = prices
        self._budgets = budgets

    def finished(self, tx: Transaction, run: Run, final: RunEvent) -> None:
        """Queue the work in the transaction that ends the run (a finish hook)."""
        if run.input.retains_memory and isinstance(final, RunFinished):
            job = self._jobs.make(run.organization_id, RETAIN_JOB, {"run_id": run.id}, unique_key=f"retain {run.id}")
            tx.jobs.enqueue(job)

    async def retain(self, run: JobRun) -> datetime | None:
        """Keep what is worth it (a job). Safe to repeat: each memory's id is made of the run and its place."""
        organization_id, run_id = run.job.organization_id, str(run.job.arguments["run_id"])
        try:
            done = await self._store.read(lambda tx: tx.runs.get(organization_id, run_id))
        except NotFound:
            return None  # Deleted in the meantime: then nothing of it is to be kept.
        statements, found_by = await self._statements(done)
        for number, statement in enumerate(statements):
            await self._memories.observe(
                organization_id,
                done.agent_id,
                statement,
                strategy="update",
                visitor_id=done.visitor_id,
                memory_id=f"mem-{run_id}-{number}",
                metadata={"run_id": run_id, "found_by": found_by},
            )
        return None

    async def _statements(self, run: Run) -> tuple[Sequence[str], str]:
        """Return statements and how they were found: by the model, or by rules where no language model may be asked."""

        def unit(tx: Transaction) -> tuple[Agent, Sequence[ModelAccount], Sequence[Limit]]:
            agent = tx.agents.get(run.organization_id, run.agent_id)
            limits = limits_of(tx, agent, key_id=run.key_id, visitor_id=run.visitor_id)
            return agent, tx.model_accounts.find(run.organization_id, limit=20), limits

        agent, accounts, limits = await self._store.read(unit)
        choice = self._models.choose(agent.model, accounts)
        if choice.provider.has_language_model:
            try:
                await self._budgets.check(run, limits)
                found = read_statements(await self._ask(choice, run))
            except CoreError:
                found = None
            if found is not None:
                return found, "model"
        return by_rule(run.input.question), "rules"

    async def _ask(self, choice: ModelChoice, run: Run) -> str:
        said = f"Person: {run.input.question[:_TEXT_CHARS_MAX]}\n\nAssistant: {run.output[:_TEXT_CHARS_MAX]}"
        request = ModelRequest(
            model=choice.name,
            messages=[ChatMessage(role="system", text=_PROMPT), ChatMessage(role="user", text=said)],
            temperature=0.0,
            max_output_tokens=1_000,
        )
        reply = ""
        async with aclosing(choice.provider.stream(request)) as chunks:
            async for chunk in chunks:
                if isinstance(chunk, TextChunk):
                    reply += chunk.text
                    if len(reply) > _REPLY_CHARS_MAX:
                        break
                elif isinstance(chunk, Finished):
                    await self._budgets.charge_run(run, usage_of(self._prices, choice, chunk))
        return reply


def by_rule(text: str) -> list[str]:
    """Return the sentences of what a person said that state something lasting; questions never do."""
    found: list[str] = []
    for sentence in _SENTENCE.split(text[:_TEXT_CHARS_MAX]):
        plain = " ".join(sentence.split())
        if not plain or plain.endswith("?") or len(plain) > _STATEMENT_CHARS_MAX:
            continue
        asked_for = _REMEMBER.sub("", plain)
        if asked_for != plain:
            found.append(asked_for[:1].upper() + asked_for[1:])
        elif _LASTING.search(plain):
            found.append(plain)
    return list(dict.fromkeys(found))[:_STATEMENTS_MAX]


def read_statements(reply: str) -> list[str] | None:
    """Return the statements of a model's reply, or None when it is not the list that was asked for."""
    start, end = reply.find("["), reply.rfind("]")
    if start < 0 or end < start:
        return None
    try:
        parsed: JSON = json.loads(reply[start : end + 1])
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, list) or not all(isinstance(one, str) for one in parsed):
        return None
    statements = [" ".join(str(one).split())[:_STATEMENT_CHARS_MAX] for one in parsed]
    return [one for one in dict.fromkeys(statements) if one][:_STATEMENTS_MAX]
