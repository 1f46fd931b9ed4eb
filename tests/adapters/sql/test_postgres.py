"""What only PostgreSQL has: other processes, and connections that are lost."""

import asyncio
import importlib
import pkgutil
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

import anyio
import psycopg
import pytest
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from tests.clock import HandClock
from tests.ports.rows import LATER, agent, job
from trivium.adapters import sql
from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.postgres import PostgresStore
from trivium.adapters.sql.statements import Prepared
from trivium.core.errors import Conflict, NotFound, UpstreamFailed
from trivium.core.model.organizations import Organization
from trivium.core.ports import Transaction
from trivium.core.services.job_runner import JobRunner, RunnerLimits
from trivium.core.services.jobs import JobKind, JobRun, Jobs


@pytest.fixture
def url(postgres_url: str) -> str:
    migrate(postgres_url)
    return postgres_url


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(url)
    try:
        yield store
    finally:
        await store.close()


async def test_commits_are_heard_in_other_processes(url: str) -> None:
    async with opened(url) as here, opened(url) as there:
        heard = anyio.Event()
        there.subscribe("jobs", lambda key: heard.set())
        with anyio.fail_after(10):
            number = 0
            # The other side listens a moment after it was asked to.
            while not heard.is_set():
                number += 1
                await here.write(lambda tx, number=number: tx.jobs.enqueue(job(f"j{number}")))  # type: ignore[misc]


async def test_a_runner_elsewhere_is_woken_at_once(url: str) -> None:
    async with opened(url) as here, opened(url) as there:
        clock = HandClock(LATER)
        jobs = Jobs(store=there, clock=clock)
        done: list[str] = []

        async def run(run: JobRun) -> None:
            done.append(run.job.id)

        jobs.register([JobKind(name="work", run=run)])
        runner = JobRunner(store=there, clock=clock, jobs=jobs, limits=RunnerLimits(poll_s=3600))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.run)
            with anyio.fail_after(10):
                number = 0
                while not done:
                    number += 1
                    await here.write(lambda tx, number=number: tx.jobs.enqueue(job(f"j{number}")))  # type: ignore[misc]
            runner.stop()
    assert "j1" in done


async def test_a_lost_connection_is_made_again(url: str) -> None:
    async with opened(url) as store:
        await store.write(lambda tx: tx.agents.add(agent(1)))
        await store.read(lambda tx: tx.agents.count("o1"))
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await store.write(lambda tx: tx.agents.add(agent(2)))
        assert await store.read(lambda tx: tx.agents.count("o1")) == 2


async def test_a_database_that_is_away_is_an_upstream_failure() -> None:
    async with opened("postgresql://nobody@127.0.0.1:1/none") as store:
        with pytest.raises(UpstreamFailed) as raised:
            await store.write(lambda tx: None)
    assert raised.value.is_retryable


async def test_a_unit_that_goes_on_after_a_conflict_is_not_committed(url: str) -> None:
    def unit(tx: Transaction) -> None:
        tx.agents.add(agent(1))
        with pytest.raises(Conflict):
            tx.agents.add(agent(1))

    async with opened(url) as store:
        with pytest.raises(RuntimeError, match="went on"):
            await store.write(unit)
        assert await store.read(lambda tx: tx.agents.count("o1")) == 0


async def test_units_of_all_processes_take_turns(url: str) -> None:
    """Each adds to what it read; none is lost, refused, or hurt by one that fails beside it."""
    wrong = Conflict("No.")

    def add(tx: Transaction, number: int) -> None:
        one = tx.agents.get("o1", agent(1).id)
        tx.agents.put(replace(one, version=one.version + 1))
        if number % 10 == 7:
            raise wrong

    async with opened(url) as here, opened(url) as there:
        await here.write(lambda tx: tx.agents.add(replace(agent(1), version=0)))
        both = [(here, there)[number % 2].write(partial(add, number=number)) for number in range(200)]
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        assert [one for one in outcomes if one is not None] == [wrong] * 20
        assert (await there.read(lambda tx: tx.agents.get("o1", agent(1).id))).version == 180


async def test_a_lost_connection_fails_nobody_who_shares_a_turn(url: str) -> None:
    async with opened(url) as store:
        await store.write(lambda tx: None)
        with psycopg.connect(url, autocommit=True) as other:
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await asyncio.gather(*(store.write(partial(_add_agent, number=number)) for number in range(20)))
        assert await store.read(lambda tx: tx.agents.count("o1")) == 20


def _add_agent(tx: Transaction, number: int) -> None:
    tx.agents.add(agent(number))


async def test_a_cancel_is_heard_where_the_run_is(url: str) -> None:
    async with opened(url) as here, opened(url) as there:
        heard: list[str] = []
        there.subscribe("cancels", heard.append)
        with anyio.fail_after(10):
            while not heard:
                await here.write(lambda tx: tx.runs.request_cancel("run_1", "Stopped\nby Ann."))
                await anyio.lowlevel.checkpoint()
    assert set(heard) == {"run_1 Stopped by Ann."}


def test_every_statement_is_one_that_postgresql_takes(url: str) -> None:
    dialect = PGDialect_psycopg()
    refused = []
    with psycopg.connect(url) as connection:
        for name, statement in _statements():
            text, _, fixed = statement._for(dialect)
            # Without values the types of the parameters are what the statement itself says.
            values = dict.fromkeys(re.findall(r"%\((\w+)\)s", text)) | fixed
            try:
                connection.execute(text, values)
            except psycopg.IntegrityError:
                pass
            except psycopg.Error as error:
                refused.append(f"{name}: {error}")
            connection.rollback()
    assert not refused, "\n".join(refused)


def _statements() -> Iterator[tuple[str, Prepared]]:
    for info in pkgutil.iter_modules(sql.__path__, f"{sql.__name__}."):
        if not info.ispkg:
            for name, value in vars(importlib.import_module(info.name)).items():
                if isinstance(value, Prepared):
                    yield f"{info.name}.{name}", value


def test_processes_that_start_at_once_migrate_once(postgres_url: str) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(migrate, [postgres_url] * 3)) == [None] * 3


async def test_a_nul_is_kept_as_the_sign_for_what_cannot_be_shown(url: str) -> None:
    async with opened(url) as store:
        await store.write(lambda tx: tx.organizations.add(Organization(id="o1", name="a\0b", created_at=LATER)))
        kept = await store.read(lambda tx: tx.organizations.get("o1", "o1"))
        assert kept.name == "a\ufffdb"
        with pytest.raises(NotFound):
            await store.read(lambda tx: tx.organizations.get("o1\0", "o1\0"))
