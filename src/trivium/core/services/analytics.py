"""What an agent's runs cost and used: readings of stored runs."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trivium.core.model.runs import Usage
from trivium.core.ports import Clock, Store, Transaction

DAYS_MAX = 365
_RUNS_MAX = 200_000


@dataclass(frozen=True, kw_only=True)
class ModelCost:
    """One model's part; `cost_usd` is of the calls whose price is known."""

    model: str
    cost_usd: float
    tokens: int
    calls: int


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Costs of a window: `by_day` ascending (ISO dates), `by_model` by cost descending."""

    total_usd: float
    per_run_usd: float
    by_day: tuple[tuple[str, float], ...]
    by_model: tuple[ModelCost, ...]
    start_at: datetime
    end_at: datetime


@dataclass(frozen=True, kw_only=True)
class Consumption:
    """Tokens and runs of a window, and the documents of now."""

    token_count: int
    run_count: int
    document_count: int


class Analytics:
    """Adds up runs; reads at most 200,000 of a window, the newest."""

    def __init__(self, *, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def costs(self, organization_id: str, agent_id: str, days: int) -> Costs:
        """Return the costs of the last `days` days and today so far; NotFound."""
        start, end = self._window(days)
        uses = await self._store.read(lambda tx: _uses(tx, organization_id, agent_id, start))
        by_day: defaultdict[str, float] = defaultdict(float)
        by_model: defaultdict[str, list[Usage]] = defaultdict(list)
        for at, usages in uses:
            by_day[at.astimezone(UTC).date().isoformat()] += sum(one.cost_usd or 0.0 for one in usages)
            for one in usages:
                by_model[one.model].append(one)
        models = [_model_cost(model, usages) for model, usages in by_model.items()]
        total = sum(by_day.values())
        return Costs(
            total_usd=total,
            per_run_usd=total / len(uses) if uses else 0.0,
            by_day=tuple(sorted(by_day.items())),
            by_model=tuple(sorted(models, key=lambda one: (-one.cost_usd, one.model))),
            start_at=start,
            end_at=end,
        )

    async def consumption(self, organization_id: str, agent_id: str, days: int) -> Consumption:
        """Return tokens and runs of the last `days` days, and how many documents the agent has; NotFound."""
        start, _ = self._window(days)

        def unit(tx: Transaction) -> Consumption:
            uses = _uses(tx, organization_id, agent_id, start)
            tokens = sum(one.input_tokens + one.output_tokens for _, usages in uses for one in usages)
            documents = tx.documents.count(organization_id, agent_id=agent_id)
            return Consumption(token_count=tokens, run_count=len(uses), document_count=documents)

        return await self._store.read(unit)

    def _window(self, days: int) -> tuple[datetime, datetime]:
        now = self._clock.now()
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        return midnight - timedelta(days=days), now


def _uses(
    tx: Transaction, organization_id: str, agent_id: str, since: datetime
) -> list[tuple[datetime, tuple[Usage, ...]]]:
    tx.agents.get(organization_id, agent_id)
    return tx.runs.uses(organization_id, agent_id, since=since, limit=_RUNS_MAX)


def _model_cost(model: str, usages: list[Usage]) -> ModelCost:
    return ModelCost(
        model=model,
        cost_usd=sum(one.cost_usd or 0.0 for one in usages),
        tokens=sum(one.input_tokens + one.output_tokens for one in usages),
        calls=len(usages),
    )
