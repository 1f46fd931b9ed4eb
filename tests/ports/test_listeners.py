"""What listeners are told, in order and numbered once."""

from datetime import timedelta

from tests.ports.rows import LATER, NOW
from trivium.core.model.deliveries import HeardEvent, Listener
from trivium.core.ports import Store


def event(event_id: str, listener_id: str = "l1", ms: int = 0) -> HeardEvent:
    at = NOW + timedelta(milliseconds=ms)
    return HeardEvent(
        id=event_id, organization_id="o1", listener_id=listener_id, type="run.finished", body="{}", created_at=at
    )


async def taken(store: Store, after: int = 0, listener_id: str = "l1") -> list[tuple[int | None, str]]:
    found = await store.read(lambda tx: tx.heard_events.after(listener_id, after, 10))
    return [(one.seq, one.id) for one in found]


async def test_numbers_follow_time_and_never_change(store: Store) -> None:
    await store.write(lambda tx: tx.heard_events.add(event("b", ms=2), event("c", ms=1), event("x", "l2")))
    assert await store.read(lambda tx: tx.heard_events.waiting("l1")) == 2
    assert await store.write(lambda tx: tx.heard_events.number("l1", 10)) == 2
    await store.write(lambda tx: tx.heard_events.add(event("a", ms=0)))
    assert await store.write(lambda tx: tx.heard_events.number("l1", 10)) == 1
    assert await taken(store) == [(1, "c"), (2, "b"), (3, "a")]
    assert await taken(store, after=2) == [(3, "a")]
    assert await taken(store, listener_id="l2") == []


async def test_what_was_taken_can_be_forgotten(store: Store) -> None:
    await store.write(lambda tx: tx.heard_events.add(event("a"), event("b", ms=1)))
    await store.write(lambda tx: tx.heard_events.number("l1", 10))
    await store.write(lambda tx: tx.heard_events.forget("l1", 1))
    assert await taken(store) == [(2, "b")]


async def test_those_that_left_are_found(store: Store) -> None:
    ended = Listener(id="l1", organization_id="o1", events=("*",), created_at=NOW, expires_at=NOW)
    there = Listener(id="l2", organization_id="o1", events=("*",), created_at=NOW, expires_at=LATER)
    await store.write(lambda tx: tx.listeners.add(ended, there))
    found = await store.read(lambda tx: tx.listeners.ended(NOW + timedelta(microseconds=1), 10))
    assert found == [ended]
