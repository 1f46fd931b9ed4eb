"""What a live run keeps for its readers."""

from datetime import UTC, datetime

from trivium.core.events import RunFinished, StoredEvent, TextDelta
from trivium.core.services.event_writer import LiveRun

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _live() -> LiveRun:
    return LiveRun(run_id="r1", organization_id="o1", owner="p1")


def test_a_live_run_keeps_little_of_a_long_answer() -> None:
    live = _live()
    for seq in range(1, 101):
        live.publish([StoredEvent(seq, NOW, TextDelta(text="x" * 10_000))])
    kept = [stored.event for stored in live.ring]
    assert sum(len(event.text) for event in kept if isinstance(event, TextDelta)) <= 128_000
    assert [stored.seq for stored in live.since(95) or []] == [96, 97, 98, 99, 100]
    # Who is further behind reads from the store.
    assert live.since(3) is None


def test_the_last_event_is_kept_however_long() -> None:
    live = _live()
    live.publish([StoredEvent(1, NOW, TextDelta(text="x")), StoredEvent(2, NOW, RunFinished(output="x" * 1_000_000))])
    assert [stored.seq for stored in live.since(1) or []] == [2]
