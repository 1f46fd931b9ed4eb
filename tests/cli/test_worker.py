"""Background work in a process of its own, on the same data folder."""

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import anyio
import pytest

from tests.cli.conftest import Command
from trivium.adapters.sql.store import SqliteStore
from trivium.core.model.deliveries import Delivery
from trivium.core.model.jobs import Job

pytestmark = pytest.mark.server

NOW = datetime(2026, 1, 5, tzinfo=UTC)


async def queue_delivery(path: Path) -> None:
    store = SqliteStore(path)
    delivery = Delivery(
        id="dlv_1",
        organization_id="o1",
        type="run.finished",
        url="http://127.0.0.1:9/inside",
        body="{}",
        created_at=NOW,
        next_attempt_at=NOW,
    )
    job = Job(
        id="job_1",
        organization_id="o1",
        name="delivery.send",
        created_at=NOW,
        due_at=NOW,
        arguments={"delivery_id": "dlv_1"},
    )
    await store.write(lambda tx: tx.deliveries.add(delivery))
    await store.write(lambda tx: tx.jobs.enqueue(job))
    await store.close()


async def settled(path: Path) -> Delivery:
    store = SqliteStore(path)
    with anyio.fail_after(30):
        while (found := await store.read(lambda tx: tx.deliveries.get("o1", "dlv_1"))).status == "pending":
            pass
    await store.close()
    return found


def test_a_worker_takes_what_is_queued_and_stops_when_told(trivium: Command, data: Path) -> None:
    trivium("migrate")
    anyio.run(queue_delivery, data / "trivium.db")
    command = [sys.executable, "-m", "trivium.cli.main", "worker", "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "Trivium works on what is queued.\n"
        delivery = anyio.run(settled, data / "trivium.db")
        assert (delivery.status, delivery.attempt) == ("dead", 1)
        assert "inside" in (delivery.error or "")
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
