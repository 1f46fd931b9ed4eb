"""Pages, totals and outlines of stored runs, in two organizations."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from trivium.core import events
from trivium.core.model.budgets import BudgetOwner, Spent
from trivium.core.model.requests import OnceRequest
from trivium.core.model.runs import InputMessage, Run, RunInput, RunTotals, Usage
from trivium.core.ports import Store

AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def run(number: int, status, *, organization: str = "o1", seconds: float | None = None, tokens: int = 0) -> Run:
    return Run(
        id=f"{organization}-r{number}",
        organization_id=organization,
        agent_id="a1",
        conversation_id=f"{organization}-c{number % 2}",
        request_id="",
        channel="api",
        status=status,
        input=RunInput(messages=(InputMessage(role="user", text="hi"),)),
        created_at=AT + timedelta(minutes=number),
        started_at=AT,
        finished_at=None if seconds is None else AT + timedelta(seconds=seconds),
        usage=(
            Usage(model="m", input_tokens=tokens, output_tokens=1),
            Usage(model="n", input_tokens=tokens, output_tokens=2),
        )
        if tokens
        else (),
        lease_owner="p1",
    )


RUNS = [
    run(1, "succeeded", seconds=1.5, tokens=10),
    run(2, "succeeded", seconds=0.5, tokens=5),
    run(3, "failed", seconds=4, tokens=100),
    run(4, "running"),
    run(5, "queued"),
    run(6, "succeeded", organization="o2", seconds=100, tokens=999),
]


async def test_totals_add_up_to_the_stored_runs(store: Store) -> None:
    await store.write(lambda tx: tx.runs.add(*RUNS))
    totals = await store.read(lambda tx: tx.runs.totals("o1", "a1"))
    assert totals == RunTotals(
        count_by_status={"succeeded": 2, "failed": 1, "running": 1, "queued": 1},
        input_tokens=230,
        output_tokens=9,
        latency_s_mean=2.0,
        latency_s_min=0.5,
        latency_s_max=4.0,
    )
    assert await store.read(lambda tx: tx.runs.totals("o1", "other")) == RunTotals()


async def test_what_was_spent_is_summed_by_whose_it_was(store: Store) -> None:
    priced = (Usage(model="m", input_tokens=1, output_tokens=2, cost_usd=0.25), Usage(model="n", input_tokens=4))
    mine = [replace(one, key_id="k1", visitor_id="v1") for one in RUNS]
    mine.append(replace(run(9, "succeeded", seconds=1), key_id="k2", visitor_id="v1", usage=priced))
    await store.write(lambda tx: tx.runs.add(*mine))

    async def spent(owner: BudgetOwner, owner_id: str, organization: str = "o1", minutes: int = 0) -> Spent:
        since = AT + timedelta(minutes=minutes)
        return await store.read(lambda tx: tx.runs.spent(organization, owner, owner_id, since=since))

    assert await spent("key", "k1") == Spent(requests=5, tokens=239)
    assert await spent("key", "k2") == Spent(requests=1, tokens=7, cost_micros=250_000)
    assert await spent("visitor", "a1:v1") == Spent(requests=6, tokens=246, cost_micros=250_000)
    assert await spent("agent", "a1", minutes=3) == Spent(requests=4, tokens=210, cost_micros=250_000)
    assert await spent("agent", "a1", minutes=60) == Spent()
    assert await spent("key", "k2", "o2") == Spent()


async def test_what_running_runs_used_is_read_from_their_events(store: Store) -> None:
    used = Usage(model="m", input_tokens=30, output_tokens=3, cost_usd=0.0000015)
    told = [events.StepFinished(step=1, usage=used), events.StepFinished(step=2, usage=used)]

    def write(tx) -> None:
        tx.runs.add(*(replace(one, key_id="k1") for one in RUNS))
        for run_id in ("o1-r1", "o1-r4"):  # What has ended has its usage with it.
            tx.events.append(run_id, "p1", 1, [(AT, event) for event in told])

    await store.write(write)
    spent = await store.read(lambda tx: tx.runs.spent("o1", "key", "k1", since=AT))
    assert spent == Spent(requests=5, tokens=239 + 66, cost_micros=4)
    assert await store.read(lambda tx: tx.runs.under_way("o1", "key", "k1")) == 1
    assert await store.read(lambda tx: tx.runs.under_way("o1", "agent", "a1")) == 1
    assert await store.read(lambda tx: tx.runs.under_way("o1", "visitor", "a1:v1")) == 0
    assert await store.read(lambda tx: tx.runs.under_way("o2", "key", "k1")) == 0


async def test_a_page_is_filtered_counted_and_newest_first(store: Store) -> None:
    await store.write(lambda tx: tx.runs.add(*RUNS))

    async def page(**filters) -> tuple[list[str], int]:
        found, total = await store.read(lambda tx: tx.runs.page("o1", "a1", **{"limit": 10, **filters}))
        return [one.id for one in found], total

    assert await page(limit=2, offset=1) == (["o1-r4", "o1-r3"], 5)
    between = {"since": AT + timedelta(minutes=2), "until": AT + timedelta(minutes=3)}
    assert await page(**between) == (["o1-r3", "o1-r2"], 2)
    assert await page(run_id="o1-r2") == (["o1-r2"], 1)
    assert await page(run_id="o2-r6") == ([], 0)


async def test_unfinished_runs_name_their_conversation(store: Store) -> None:
    await store.write(lambda tx: tx.runs.add(*RUNS))
    unfinished = await store.read(lambda tx: tx.runs.unfinished("o1", "a1", 10))
    assert unfinished == [("o1-c1", "queued"), ("o1-c0", "running")]


async def test_an_outline_leaves_the_text_pieces_out(store: Store) -> None:
    told = [events.ModelCalled(step=1, model="m"), events.TextDelta(text="a"), events.NoteAdded(code="x", message="y")]

    def write(tx) -> None:
        tx.runs.add(*RUNS)
        tx.events.append("o1-r2", "p1", 1, [(AT, event) for event in told])
        tx.events.append("o1-r4", "p1", 1, [(AT, event) for event in told])

    await store.write(write)
    outline = await store.read(lambda tx: tx.events.outline("o1-c0", 3))
    assert [(run_id, event.seq) for run_id, event in outline] == [("o1-r2", 3), ("o1-r4", 1), ("o1-r4", 3)]
    assert await store.write(lambda tx: tx.events.remove_of("o1-c0")) == 6
    assert await store.read(lambda tx: tx.events.outline("o1-c0", 3)) == []


async def test_old_requests_are_purged_in_bounded_steps(store: Store) -> None:
    made = [
        OnceRequest(id=f"k{number}", organization_id="o1", created_at=AT + timedelta(hours=number), leased_until=AT)
        for number in range(5)
    ]
    await store.write(lambda tx: tx.once_requests.add(*made))
    before = AT + timedelta(hours=3)
    assert [await store.write(lambda tx: tx.once_requests.purge(before, 2)) for _ in range(3)] == [2, 1, 0]
    assert [one.id for one in await store.read(lambda tx: tx.once_requests.find("o1"))] == ["k3", "k4"]
