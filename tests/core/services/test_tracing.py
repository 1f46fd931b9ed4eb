"""Ended runs on their way to a tracer: bounded, once each, and only when their end is stored."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tests.ports.rows import NOW, run
from tests.stores import sqlite_store
from trivium.core.events import RunFinished, StoredEvent
from trivium.core.model.runs import Run
from trivium.core.ports import Store
from trivium.core.services import tracing
from trivium.core.services.tracing import RunTracing

ENDED = replace(run(), status="succeeded", finished_at=NOW)
FINAL = RunFinished(output="")


class Tracer:
    """Keeps the ids of what it is told; fails at those it is to fail at."""

    def __init__(self, *failing: str) -> None:
        self.told: list[str] = []
        self._failing = failing

    async def export(self, run: Run, events: Sequence[StoredEvent]) -> None:
        if run.id in self._failing:
            raise ValueError("no")
        self.told.append(run.id)


async def finish(store: Store, service: RunTracing, *runs: Run) -> None:
    for one in runs:
        await store.write(lambda tx, one=one: service.finished(tx, one, FINAL))  # type: ignore[misc]


async def test_a_run_is_told_once_its_end_is_stored(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        tracer = Tracer()
        service = RunTracing(store=store, tracer=tracer)
        await store.write(lambda tx: tx.runs.add(run()))
        await finish(store, service, ENDED, ENDED)
        await service.flush()
        assert tracer.told == []
        await store.write(lambda tx: tx.runs.put(ENDED))
        await service.flush()
        await service.flush()
        assert tracer.told == ["r1"]


async def test_one_that_cannot_be_told_holds_no_other(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        tracer = Tracer("r2")
        service = RunTracing(store=store, tracer=tracer)
        runs = [replace(ENDED, id=f"r{number}") for number in (1, 2, 3)]
        await store.write(lambda tx: tx.runs.add(*runs))
        await finish(store, service, *runs, replace(ENDED, id="deleted"))
        await service.flush()
        assert sorted(tracer.told) == ["r1", "r3"]


async def test_what_waits_has_a_limit(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        service = RunTracing(store=store, tracer=Tracer())

        def unit(tx) -> None:
            for number in range(tracing._WAITING_MAX + 3):
                service.finished(tx, replace(ENDED, id=str(number)), FINAL)

        await store.write(unit)
        assert service.dropped_count == 3
