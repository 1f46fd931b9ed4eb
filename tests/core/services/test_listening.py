"""Who listens gets what happens in order, once, across breaks, and never what belongs to another organization."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from tests.clock import HandClock
from tests.outside import OpenSeal, receiving
from tests.stores import sqlite_store
from trivium.core.errors import InvalidRequest, LimitExceeded, NotFound
from trivium.core.model.deliveries import Listener
from trivium.core.model.samples import SAMPLES
from trivium.core.ports import Store
from trivium.core.services import listening as subject
from trivium.core.services.deliveries import JOB, Deliveries
from trivium.core.services.event_types import EVENT_TYPES
from trivium.core.services.job_runner import JobRunner
from trivium.core.services.jobs import JobKind, Jobs
from trivium.core.services.listening import MISSED, Heard, Listening
from trivium.core.services.signing import SigningSecrets
from trivium.core.services.webhooks import Webhooks


@dataclass
class Room:
    store: Store
    clock: HandClock
    listening: Listening
    webhooks: Webhooks
    runner: JobRunner

    async def say(self, *event_ids: str, kind: str = "run.finished", organization_id: str = "o1") -> None:
        for event_id in event_ids:
            self.clock.advance(milliseconds=1)
            publish = partial(self.webhooks.publish, organization_id=organization_id, event_type=kind)
            await self.store.write(partial(publish, data={"id": event_id}, event_id=event_id))

    async def heard(self, listener: Listener, count: int, after: int = 0) -> list[Heard]:
        found: list[Heard] = []
        async with aclosing(self.listening.hear(listener.organization_id, listener.id, after)) as events:
            async for event in events:
                found.append(event)
                if len(found) == count:
                    break
        return found


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with sqlite_store(tmp_path) as store, receiving() as receiver:
        # Signatures are checked against the real time by the library that checks them.
        clock = HandClock(datetime.now(UTC))
        jobs = Jobs(store=store, clock=clock)
        secrets = SigningSecrets(store=store, clock=clock, seal=OpenSeal())
        outbound = receiver.outbound
        deliveries = Deliveries(store=store, clock=clock, jobs=jobs, outbound=outbound, secrets=secrets)
        listening = Listening(store=store, clock=clock, secrets=secrets)
        jobs.register([JobKind(name=JOB, run=deliveries.send), JobKind(name="purge", run=listening.purge)])
        webhooks = Webhooks(store=store, clock=clock, deliveries=deliveries, secrets=secrets)
        yield Room(store, clock, listening, webhooks, JobRunner(store=store, clock=clock, jobs=jobs))
        await outbound.aclose()


def ids(heard: list[Heard]) -> list[str]:
    return [one.headers["webhook-id"].partition("-")[0] for one in heard]


async def test_events_come_numbered_and_signed_like_a_webhook(room: Room) -> None:
    listener, secret = await room.listening.open("o1", events=["run.*"])
    await room.say("e1", "e2")
    await room.say("e3", kind="message.created")
    await room.say("e1", "e4")
    heard = await room.heard(listener, 3)
    assert [(one.seq, one.type) for one in heard] == [(1, "run.finished"), (2, "run.finished"), (3, "run.finished")]
    assert ids(heard) == ["e1", "e2", "e4"]
    assert Verifier(secret).verify(heard[0].body, heard[0].headers)["data"] == {"id": "e1"}


async def test_a_reader_goes_on_where_it_stopped(room: Room) -> None:
    listener, _ = await room.listening.open("o1", events=["*"])
    await room.say("e1", "e2", "e3")
    assert ids(await room.heard(listener, 2)) == ["e1", "e2"]
    await room.say("e4")
    assert ids(await room.heard(listener, 3, after=1)) == ["e2", "e3", "e4"]


async def test_what_happens_while_reading_comes_at_once(room: Room) -> None:
    listener, _ = await room.listening.open("o1", events=["*"])
    async with aclosing(room.listening.hear("o1", listener.id, 0)) as events:
        await room.say("e1")
        assert ids([await anext(events)]) == ["e1"]
        await room.say("e2")
        assert ids([await anext(events)]) == ["e2"]


async def test_who_is_no_longer_welcome_hears_nothing_more(room: Room) -> None:
    listener, _ = await room.listening.open("o1", events=["*"])
    answers = iter([True, False])

    async def is_welcome() -> bool:
        return next(answers)

    async with aclosing(room.listening.hear("o1", listener.id, 0, is_welcome=is_welcome)) as events:
        await room.say("e1")
        assert ids([await anext(events)]) == ["e1"]
        room.clock.advance(seconds=31)
        await room.say("e2")
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_organizations_hear_nothing_of_each_other(room: Room) -> None:
    ours, _ = await room.listening.open("o1", events=["*"])
    theirs, _ = await room.listening.open("o2", events=["*"])
    await room.say("e1")
    await room.say("e2", organization_id="o2")
    assert ids(await room.heard(ours, 1)) == ["e1"]
    assert ids(await room.heard(theirs, 1)) == ["e2"]
    with pytest.raises(NotFound):
        await room.listening.get("o2", ours.id)
    assert not await room.listening.close("o2", ours.id)
    assert [event async for event in room.listening.hear("o2", ours.id, 0)] == []


async def test_a_full_buffer_says_that_events_are_missed(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "WAITING_MAX", 2)
    listener, _ = await room.listening.open("o1", events=["*"])
    await room.say("e1", "e2", "e3", "e4")
    assert [one.type for one in await room.heard(listener, 3)] == ["run.finished", "run.finished", MISSED]
    await room.say("e5")
    assert ids(await room.heard(listener, 1, after=3)) == ["e5"]


async def test_who_has_left_is_forgotten(room: Room) -> None:
    listener, _ = await room.listening.open("o1", events=["*"])
    await room.say("e1")
    room.clock.advance(seconds=subject.KEPT_S + 1)
    await room.say("e2")
    assert await room.store.read(lambda tx: tx.heard_events.count("o1")) == 1
    await room.listening.purge(None)  # type: ignore[arg-type]  # it reports only when there are many
    with pytest.raises(NotFound):
        await room.listening.get("o1", listener.id)
    left = await room.store.read(lambda tx: (tx.heard_events.count("o1"), tx.signing_secrets.count("o1")))
    assert left == (0, 0)


async def test_closing_ends_the_stream(room: Room) -> None:
    listener, _ = await room.listening.open("o1", events=["*"])
    async with aclosing(room.listening.hear("o1", listener.id, 0)) as events:
        await room.say("e1")
        await anext(events)
        assert await room.listening.close("o1", listener.id)
        assert await anext(events, None) is None


async def test_there_are_only_so_many_and_of_known_types(room: Room) -> None:
    for _ in range(20):
        await room.listening.open("o1", events=["*"])
    with pytest.raises(LimitExceeded):
        await room.listening.open("o1", events=["*"])
    with pytest.raises(InvalidRequest):
        await room.listening.open("o2", events=["run.finished", "nothing.known"])


async def test_samples_take_the_same_road(room: Room) -> None:
    listener, _ = await room.listening.open("o1", events=["*"])
    await room.webhooks.create("o1", url="http://127.0.0.1:1/hook", events=["*"])
    for kind in EVENT_TYPES:
        sent = await room.webhooks.rehearse("o1", kind)
        assert (sent.listeners, sent.webhooks) == (1, 0)
    assert sorted(one.type for one in await room.heard(listener, len(EVENT_TYPES))) == sorted(SAMPLES)
    sent = await room.webhooks.rehearse("o1", "run.finished", {"id": "mine"}, to_webhooks=True)
    assert (sent.listeners, sent.webhooks) == (1, 1)
    with pytest.raises(InvalidRequest):
        await room.webhooks.rehearse("o1", "ping")
