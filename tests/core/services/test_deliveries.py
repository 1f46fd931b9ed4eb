"""Signed calls arrive at least once, in order where it matters, and whoever wants none gets none."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path

import anyio
import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from tests.clock import HandClock
from tests.outside import Call, OpenSeal, Receiver, receiving
from trivium.adapters.outbound.client import GuardedOutbound
from trivium.adapters.sql.migrate import migrate
from trivium.adapters.sql.store import SqliteStore
from trivium.core.errors import Conflict, InvalidRequest, NotFound, UpstreamFailed
from trivium.core.model.deliveries import Delivery
from trivium.core.ports import OutboundResponse, Transaction
from trivium.core.services.deliveries import CALLBACKS, JOB, PAUSES_S, Deliveries
from trivium.core.services.job_runner import JobRunner
from trivium.core.services.jobs import JobKind, Jobs
from trivium.core.services.signing import SigningSecrets
from trivium.core.services.webhooks import Webhooks


@dataclass
class Bench:
    store: SqliteStore
    clock: HandClock
    receiver: Receiver
    secrets: SigningSecrets
    deliveries: Deliveries
    webhooks: Webhooks
    runner: JobRunner

    async def deliver(self, path: str = "/hook", organization_id: str = "o1", **fields: str) -> Delivery:
        delivery = self.deliveries.make(
            organization_id, type="test", url=self.receiver.url + path, body='{"n": 1}', **fields
        )
        await self.store.write(lambda tx: self.deliveries.enqueue(tx, delivery))
        return delivery

    async def state(self, delivery: Delivery) -> Delivery:
        return await self.deliveries.get(delivery.organization_id, delivery.id)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    path = tmp_path / "store.db"
    await anyio.to_thread.run_sync(migrate, f"sqlite:///{path}")
    # Signatures are checked against the real time by the library that checks them.
    store, clock = SqliteStore(path), HandClock(datetime.now(UTC))
    jobs = Jobs(store=store, clock=clock)
    secrets = SigningSecrets(store=store, clock=clock, seal=OpenSeal())
    async with receiving() as receiver:
        outbound = receiver.outbound
        deliveries = Deliveries(
            store=store, clock=clock, jobs=jobs, outbound=outbound, secrets=secrets, jitter=lambda: 0.5
        )
        jobs.register([JobKind(name=JOB, run=deliveries.send), JobKind(name="purge", run=deliveries.purge)])
        webhooks = Webhooks(store=store, clock=clock, deliveries=deliveries, secrets=secrets)
        runner = JobRunner(store=store, clock=clock, jobs=jobs)
        yield Bench(store, clock, receiver, secrets, deliveries, webhooks, runner)
        await outbound.aclose()
    await store.close()


def answering(status: int, **headers: str):
    return lambda call: (status, {name.replace("_", "-"): value for name, value in headers.items()}, b"because")


def publish(bench: Bench, event_id: str, tx: Transaction) -> int:
    return bench.webhooks.publish(tx, "o1", "run.finished", {"id": "r1"}, event_id=event_id)


async def test_a_delivery_arrives_signed_as_the_standard_says(bench: Bench) -> None:
    delivery = await bench.deliver()
    await bench.runner.drain()
    (call,) = bench.receiver.calls
    (secret,) = await bench.secrets.valid("o1", CALLBACKS)
    assert Verifier(secret).verify(call.body.decode(), call.headers) == {"n": 1}
    assert call.headers["webhook-id"] == delivery.id
    assert (await bench.state(delivery)).status == "delivered"


async def test_ten_tries_over_three_days_and_then_a_dead_letter(bench: Bench) -> None:
    bench.receiver.answer = answering(500)
    delivery = await bench.deliver()
    started = bench.clock.now()
    state = delivery
    for _ in range(10):
        assert await bench.runner.drain() == 1
        state = await bench.state(delivery)
        bench.clock.at = state.next_attempt_at
    assert (state.status, state.attempt, state.error) == ("dead", 10, "The receiver answered 500.")
    assert 75 < (bench.clock.now() - started).total_seconds() / 3600 < 76
    bench.clock.advance(days=30)
    await bench.runner.drain()
    assert len(bench.receiver.calls) == 10
    assert len({call.headers["webhook-id"] for call in bench.receiver.calls}) == 1
    log = await bench.deliveries.attempts("o1", delivery.id)
    assert [(entry.attempt, entry.response_status, entry.response) for entry in log] == [
        (n, 500, "because") for n in range(1, 11)
    ]


async def test_a_receiver_that_comes_back_after_a_day_gets_it(bench: Bench) -> None:
    bench.receiver.answer = answering(503)
    delivery = await bench.deliver()
    for _ in range(24):
        await bench.runner.drain()
        bench.clock.advance(hours=1)
    assert (await bench.state(delivery)).status == "pending"
    bench.receiver.answer = answering(200)
    for _ in range(24):
        await bench.runner.drain()
        bench.clock.advance(hours=1)
    assert (await bench.state(delivery)).status == "delivered"


@pytest.mark.parametrize(
    ("header", "pause_s"), [("120", 120), ("date", 3600), ("1", PAUSES_S[0]), ("soon", PAUSES_S[0]), ("9" * 30, 86400)]
)
async def test_the_receiver_may_ask_for_a_longer_pause(bench: Bench, header: str, pause_s: int) -> None:
    value = format_datetime(bench.clock.now() + timedelta(hours=1)) if header == "date" else header
    bench.receiver.answer = answering(429, retry_after=value)
    delivery = await bench.deliver()
    await bench.runner.drain()
    pause = (await bench.state(delivery)).next_attempt_at - bench.clock.now()
    assert pause.total_seconds() == pytest.approx(pause_s, abs=1)


async def test_redirects_are_not_followed(bench: Bench) -> None:
    bench.receiver.answer = answering(302, location=f"{bench.receiver.url}/elsewhere")
    delivery = await bench.deliver()
    await bench.runner.drain()
    assert [call.path for call in bench.receiver.calls] == ["/hook"]
    assert (await bench.state(delivery)).error == "The receiver answered 302."


async def test_410_ends_the_delivery_and_switches_its_webhook_off(bench: Bench) -> None:
    bench.receiver.answer = answering(410)
    webhook, _ = await bench.webhooks.create("o1", url=f"{bench.receiver.url}/w", events=["run.*"])
    for event_id in ("e1", "e2"):
        await bench.store.write(partial(publish, bench, event_id))
        await bench.runner.drain()
    assert len(bench.receiver.calls) == 1
    assert not (await bench.webhooks.get("o1", webhook.id)).enabled


async def test_an_address_inside_is_given_up_at_once(bench: Bench) -> None:
    async with receiving() as other:
        bench.receiver.url = other.url
        delivery = await bench.deliver()
        await bench.runner.drain()
        state = await bench.state(delivery)
        assert (state.status, state.attempt, other.calls) == ("dead", 1, [])
        assert "inside" in (state.error or "")


async def test_a_crash_after_the_answer_sends_the_same_id_again(bench: Bench) -> None:
    class KilledError(BaseException):
        pass

    class Dying(GuardedOutbound):
        async def request(self, method: str, url: str, **options: object) -> OutboundResponse:
            await good.request(method, url, **options)  # type: ignore[arg-type]
            raise KilledError

    good, bench.deliveries._outbound = bench.deliveries._outbound, Dying()
    delivery = await bench.deliver()
    with pytest.raises(BaseExceptionGroup):
        await bench.runner.drain()
    bench.deliveries._outbound = good
    bench.clock.advance(seconds=16)
    await bench.runner.drain()
    assert [call.headers["webhook-id"] for call in bench.receiver.calls] == [delivery.id] * 2
    assert (await bench.state(delivery)).status == "delivered"


async def test_deliveries_of_one_conversation_keep_their_order(bench: Bench) -> None:
    failing = True

    def answer(call: Call) -> tuple[int, dict[str, str], bytes]:
        return (500 if failing and call.path == "/hook" else 200), {}, b""

    bench.receiver.answer = answer
    first = await bench.deliver(ordering_key="c1")
    second = await bench.deliver(ordering_key="c1")
    third = await bench.deliver(ordering_key="c1")
    other = await bench.deliver("/other", ordering_key="c1")
    await bench.runner.drain()
    assert (await bench.state(second)).status == "waiting"
    assert (await bench.state(other)).status == "delivered"
    failing = False
    bench.clock.advance(seconds=10)
    await bench.runner.drain()
    ids = [call.headers["webhook-id"] for call in bench.receiver.calls if call.path == "/hook"]
    assert ids == [first.id, first.id, second.id, third.id]


async def test_dead_letters_can_be_sent_again_one_and_all(bench: Bench) -> None:
    bench.receiver.answer = answering(410)
    letters = [await bench.deliver() for _ in range(3)]
    await bench.runner.drain()
    bench.receiver.answer = answering(200)
    await bench.deliveries.resend("o1", letters[0].id)
    with pytest.raises(Conflict):
        await bench.deliveries.resend("o1", letters[0].id)
    with pytest.raises(NotFound):
        await bench.deliveries.resend("o2", letters[1].id)
    assert await bench.deliveries.resend_dead("o2") == 0
    assert await bench.deliveries.resend_dead("o1") == 2
    await bench.runner.drain()
    assert [one.status for one in await bench.deliveries.find("o1")] == ["delivered"] * 3


async def test_one_hanging_receiver_leaves_room_for_others(bench: Bench) -> None:
    class Hanging(GuardedOutbound):
        async def request(self, method: str, url: str, **options: object) -> OutboundResponse:
            if "/hang" in url:
                hanging.append(url)
                most.append(len(hanging))
                await release.wait()
                hanging.remove(url)
                raise UpstreamFailed("timeout", is_retryable=True)
            release.set()
            return OutboundResponse(status=200, headers={}, body=b"")

    hanging: list[str] = []
    most: list[int] = []
    release = anyio.Event()
    bench.deliveries._outbound = Hanging()
    for _ in range(16):
        await bench.deliver("/hang")
    bench.receiver.url = "http://elsewhere.test"
    good = await bench.deliver("/good")
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bench.runner.run)
            await release.wait()
            bench.runner.stop()
    assert max(most) <= 4
    assert (await bench.state(good)).status == "delivered"


async def test_both_secrets_are_valid_while_one_replaces_the_other(bench: Bench) -> None:
    old = await bench.secrets.rotate("o1", CALLBACKS)
    new = await bench.secrets.rotate("o1", CALLBACKS)
    await bench.deliver()
    await bench.runner.drain()
    call = bench.receiver.calls[0]
    for secret in (old, new):
        Verifier(secret).verify(call.body.decode(), call.headers)
    bench.clock.advance(hours=25)
    assert await bench.secrets.valid("o1", CALLBACKS) == [new]
    assert await bench.secrets.valid("o2", CALLBACKS) not in ([old], [new])


async def test_an_event_reaches_each_webhook_that_wants_it_once(bench: Bench) -> None:
    url = bench.receiver.url
    _, secret = await bench.webhooks.create("o1", url=f"{url}/all", events=["*"])
    await bench.webhooks.create("o1", url=f"{url}/runs", events=["run.*"])
    await bench.webhooks.create("o1", url=f"{url}/documents", events=["document.ready"])
    await bench.webhooks.create("o2", url=f"{url}/other", events=["*"])
    for _ in range(2):
        await bench.store.write(partial(publish, bench, "e1"))
    await bench.runner.drain()
    assert sorted(call.path for call in bench.receiver.calls) == ["/all", "/runs"]
    call = next(call for call in bench.receiver.calls if call.path == "/all")
    payload = Verifier(secret).verify(call.body.decode(), call.headers)
    assert (payload["type"], payload["data"]) == ("run.finished", {"id": "r1"})
    assert json.loads(call.body)["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "url",
    ["ftp://a.test/", "https://user:pw@a.test/", "https://", "https://a.test:x/", "https://a.test/ b", "x" * 3000],
)
async def test_addresses_that_no_delivery_can_have_are_refused(bench: Bench, url: str) -> None:
    with pytest.raises(InvalidRequest):
        await bench.webhooks.create("o1", url=url, events=["*"])


async def test_delivered_ones_are_deleted_after_a_month_with_their_log(bench: Bench) -> None:
    delivered = await bench.deliver()
    await bench.runner.drain()
    bench.receiver.answer = answering(410)
    dead = await bench.deliver()
    await bench.runner.drain()
    bench.clock.advance(days=31)
    await bench.deliveries._jobs.add("o1", "purge", {})
    await bench.runner.drain()
    assert [one.id for one in await bench.deliveries.find("o1")] == [dead.id]
    assert await bench.store.read(lambda tx: tx.delivery_attempts.count("o1", delivery_id=delivered.id)) == 0
