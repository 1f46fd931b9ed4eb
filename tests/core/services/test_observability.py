"""Figures of the whole installation are read once, however many ask."""

import asyncio
from pathlib import Path

from tests.stores import sqlite_store
from trivium.core.services.observability import Observability


async def test_figures_are_read_once_for_many(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        observability = Observability(store=store)
        first, *others = await asyncio.gather(*(observability.figures() for _ in range(20)))
        assert all(other is first for other in others)


async def test_figures_grow_old(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path) as store:
        observability = Observability(store=store)
        first = await observability.figures()
        observability._figures = (0.0, first)
        second = await observability.figures()
        assert second == first
        assert second is not first
