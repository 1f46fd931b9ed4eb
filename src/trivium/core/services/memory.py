"""What agents keep beyond one conversation: adding, contradicting, finding, recalling, forgetting."""

import asyncio
import base64
import math
import operator
import re
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from trivium.core.errors import InvalidRequest, LimitExceeded, NotFound
from trivium.core.events import MemoriesRecalled
from trivium.core.model.agents import Agent
from trivium.core.model.ids import new_id
from trivium.core.model.json import JSONObject
from trivium.core.model.memory import DEFAULT_MODULE, Memory, Strategy
from trivium.core.model.runs import Run
from trivium.core.ports import Clock, Embedder, Store, Transaction
from trivium.core.services.prompt import Context

MEMORIES_MAX = 2_000
TEXT_CHARS_MAX = 4_000
_MODULE_CHARS_MAX = 100
_FOUND_MAX = 10
_RECALLED_MAX = 6
# Below this a memory has nothing to do with the question (measured with the packaged embedder: unrelated < 0.25).
_RECALL_FROM = 0.35
# Statements about the same thing are this near (measured: 0.6 to 0.9), others mostly below 0.4.
_CONFLICT_FROM = 0.55
_HALF_LIFE_S = 30 * 86_400.0
_SUBJECT_WORDS = 3
_WORD = re.compile(r"\w+")
_KNOWN_S = 2.0
_KNOWN_MAX = 10_000


@dataclass(frozen=True, kw_only=True)
class FoundMemory:
    """A hit: `score` from 0 to 1 is mostly how near the meaning is, a little shared words and recency."""

    memory: Memory
    score: float


class Memories:
    """The memories of agents. With a visitor: what is kept for everybody and for that visitor, never another's."""

    def __init__(self, *, store: Store, clock: Clock, embedder: Embedder) -> None:
        self._store = store
        self._clock = clock
        self._embedder = embedder
        self._known: dict[str, tuple[float, bool]] = {}

    async def find(
        self, organization_id: str, agent_id: str, module: str, *, visitor_id: str | None = None
    ) -> Sequence[Memory]:
        """Return a module's memories, newest first."""
        found = await self._store.read(
            lambda tx: _of(tx, organization_id, agent_id, module=module, visitor_id=visitor_id)
        )
        return found[::-1]

    async def search(
        self,
        organization_id: str,
        agent_id: str,
        query: str,
        *,
        module: str = DEFAULT_MODULE,
        visitor_id: str | None = None,
        limit: int = _FOUND_MAX,
    ) -> Sequence[FoundMemory]:
        """Return the memories that fit best, best first; what is no longer valid counts half."""
        memories = await self._store.read(
            lambda tx: _of(tx, organization_id, agent_id, module=module, visitor_id=visitor_id)
        )
        if not memories or not query.strip():
            return []
        now = self._clock.now()
        ranked = await asyncio.to_thread(self._rank, query[:TEXT_CHARS_MAX], memories, now)
        return ranked[:limit]

    async def observe(
        self,
        organization_id: str,
        agent_id: str,
        text: str,
        *,
        module: str = DEFAULT_MODULE,
        strategy: Strategy = "naive",
        visitor_id: str | None = None,
        memory_id: str | None = None,
        metadata: JSONObject | None = None,
    ) -> tuple[Memory, Sequence[str]]:
        """Keep a statement; return it and the ids of older ones that it changed or removed.

        "naive" adds it, "delete" removes older ones in conflict with it, "update" rewrites them as no longer true.
        With a `memory_id` that exists already nothing is done. LimitExceeded after 2,000 memories in a module.
        """
        statement = _checked(text, module)
        vector = await asyncio.to_thread(self._encode, statement)
        now = self._clock.now()
        memory = Memory(
            id=memory_id or new_id("mem"),
            organization_id=organization_id,
            agent_id=agent_id,
            module=module,
            text=statement,
            created_at=now,
            updated_at=now,
            visitor_id=visitor_id,
            embedder=self._embedder.id,
            vector=vector,
            metadata=metadata or {},
        )
        result = await self._store.write(lambda tx: _add(tx, memory, strategy))
        self._known.pop(agent_id, None)
        return result

    async def change(self, organization_id: str, agent_id: str, memory_id: str, text: str) -> Memory:
        """Replace a memory's text; it is valid from now on. NotFound."""
        statement = _checked(text, DEFAULT_MODULE)
        vector = await asyncio.to_thread(self._encode, statement)
        now = self._clock.now()

        def unit(tx: Transaction) -> Memory:
            found = tx.memories.first(organization_id, id=memory_id, agent_id=agent_id)
            if found is None:
                raise NotFound("memory", memory_id[:100])
            changed = replace(
                found, text=statement, vector=vector, embedder=self._embedder.id, is_valid=True, updated_at=now
            )
            tx.memories.put(changed)
            return changed

        return await self._store.write(unit)

    async def remove(
        self, organization_id: str, agent_id: str, module: str, memory_ids: Sequence[str]
    ) -> Sequence[str]:
        """Forget memories; return the ids of those that were there."""

        def unit(tx: Transaction) -> list[str]:
            return [
                memory_id
                for memory_id in dict.fromkeys(memory_ids)
                if tx.memories.remove_where(organization_id, agent_id=agent_id, module=module, id=memory_id)
            ]

        return await self._store.write(unit)

    async def reset(self, organization_id: str, agent_id: str, module: str) -> int:
        """Forget everything in a module; return how many memories there were."""
        return await self._store.write(
            lambda tx: tx.memories.remove_where(organization_id, agent_id=agent_id, module=module)
        )

    async def context(self, run: Run, agent: Agent) -> Context | None:
        """Return the valid memories that have to do with a run's question, for its model and for its trace."""
        if not await self._has_any(agent):
            return None
        found = await self.search(
            agent.organization_id, agent.id, run.input.question, visitor_id=run.visitor_id, limit=_RECALLED_MAX
        )
        kept = [one for one in found if one.memory.is_valid and one.score >= _RECALL_FROM]
        if not kept:
            return None
        lines = "\n".join(f"- {one.memory.text}" for one in kept)
        recalled: list[JSONObject] = [
            {"id": one.memory.id, "content": one.memory.text, "score": one.score} for one in kept
        ]
        return Context(
            text=f"What you remember from earlier conversations:\n{lines}",
            events=(MemoriesRecalled(memories=tuple(recalled)),),
        )

    async def _has_any(self, agent: Agent) -> bool:
        # Asked in every run. Most agents keep nothing, and for those the embedder is never loaded.
        at, has_any = self._known.get(agent.id, (0.0, False))
        if not at or time.monotonic() - at > _KNOWN_S:
            first = await self._store.read(
                lambda tx: tx.memories.first(agent.organization_id, agent_id=agent.id, module=DEFAULT_MODULE)
            )
            has_any = first is not None
            if len(self._known) > _KNOWN_MAX:
                self._known.clear()
            self._known[agent.id] = (time.monotonic(), has_any)
        return has_any

    def _encode(self, text: str) -> str:
        return encode_vector(self._embedder.embed([text])[0])

    def _rank(self, query: str, memories: Sequence[Memory], now: datetime) -> list[FoundMemory]:
        asked = decode_vector(self._encode(query))
        words = set(_words(query))
        stale = [memory for memory in memories if memory.embedder != self._embedder.id]
        fresh = dict(zip((m.id for m in stale), map(self._encode, (m.text for m in stale)), strict=True))
        found = [
            FoundMemory(
                memory=memory, score=_score(asked, words, memory, vector=fresh.get(memory.id, memory.vector), now=now)
            )
            for memory in memories
        ]
        found.sort(key=lambda one: one.score, reverse=True)
        return found


def encode_vector(values: Sequence[float]) -> str:
    """Return a vector as one signed byte per dimension, in base64; its length is lost, its direction is kept."""
    scale = 127.0 / (max((abs(float(value)) for value in values), default=0.0) or 1.0)
    return base64.b64encode(array("b", [round(float(value) * scale) for value in values]).tobytes()).decode()


def decode_vector(encoded: str) -> "array[int]":
    """Return what `encode_vector` made."""
    return array("b", base64.b64decode(encoded))


def cosine(left: "array[int]", right: "array[int]") -> float:
    """Return the cosine of two vectors, 0 when they cannot be compared."""
    if len(left) != len(right):
        return 0.0
    size = math.sqrt(sum(map(operator.mul, left, left)) * sum(map(operator.mul, right, right)))
    return sum(map(operator.mul, left, right)) / size if size else 0.0


def _score(asked: "array[int]", words: set[str], memory: Memory, *, vector: str, now: datetime) -> float:
    near = max(0.0, cosine(asked, decode_vector(vector)))
    shared = len(words.intersection(_words(memory.text))) / len(words) if words else 0.0
    age_s = max(0.0, (now - memory.updated_at).total_seconds())
    recency: float = 0.5 ** (age_s / _HALF_LIFE_S)
    # Recency decides between near ones; it makes nothing relevant that is not.
    score = 0.8 * near + (0.1 * shared + 0.1 * recency) * min(1.0, near * 2)
    return round(score if memory.is_valid else score / 2, 4)


def _of(
    tx: Transaction, organization_id: str, agent_id: str, *, module: str, visitor_id: str | None
) -> Sequence[Memory]:
    """Return a module's memories, oldest first: those for everybody, and those of the visitor."""
    found = tx.memories.find(organization_id, agent_id=agent_id, module=module, visitor_id=None, limit=MEMORIES_MAX)
    if visitor_id is not None:
        found += tx.memories.find(
            organization_id, agent_id=agent_id, module=module, visitor_id=visitor_id, limit=MEMORIES_MAX
        )
        found.sort(key=lambda memory: memory.created_at)
    return found


def _add(tx: Transaction, memory: Memory, strategy: Strategy) -> tuple[Memory, Sequence[str]]:
    existing = tx.memories.first(memory.organization_id, id=memory.id)
    if existing is not None:
        return existing, ()
    others = tx.memories.find(
        memory.organization_id,
        agent_id=memory.agent_id,
        module=memory.module,
        visitor_id=memory.visitor_id,
        limit=MEMORIES_MAX,
    )
    affected = [] if strategy == "naive" else [other for other in others if _is_conflict(memory, other)]
    for other in affected:
        if strategy == "delete":
            tx.memories.remove(memory.organization_id, other.id)
        else:
            tx.memories.put(_no_longer_true(other, memory))
    if len(others) - (len(affected) if strategy == "delete" else 0) >= MEMORIES_MAX:
        raise LimitExceeded(f"A module keeps at most {MEMORIES_MAX} memories.", code="too_many_memories")
    tx.memories.add(memory)
    return memory, [other.id for other in affected]


def _is_conflict(new: Memory, old: Memory) -> bool:
    """True when both say something about the same thing, so that the newer one stands."""
    if not old.is_valid or old.embedder != new.embedder:
        return False
    if _words(new.text) == _words(old.text):
        return True
    # "Plant 7 is closed" does not contradict "Plant 8 is closed", although hardly anything is nearer to it.
    if _names(new.text) != _names(old.text):
        return False
    return cosine(decode_vector(new.vector), decode_vector(old.vector)) >= _CONFLICT_FROM


def _no_longer_true(old: Memory, new: Memory) -> Memory:
    return replace(
        old,
        text=f"No longer true since {new.created_at:%Y-%m-%d}: {old.text}"[:TEXT_CHARS_MAX],
        is_valid=False,
        updated_at=new.created_at,
        metadata={**old.metadata, "replaced_by": new.id},
    )


def _names(text: str) -> set[str]:
    return {word for word in _words(text)[:_SUBJECT_WORDS] if any(letter.isdigit() for letter in word)}


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _checked(text: str, module: str) -> str:
    statement = " ".join(text.split())
    if not statement:
        raise InvalidRequest("A memory needs a text.", details={"field": "input"})
    if len(statement) > TEXT_CHARS_MAX:
        raise InvalidRequest(f"A memory has at most {TEXT_CHARS_MAX} characters.", details={"field": "input"})
    if not module.strip() or len(module) > _MODULE_CHARS_MAX:
        raise InvalidRequest(f"module_id: 1 to {_MODULE_CHARS_MAX} characters.", details={"field": "module_id"})
    return statement
