"""What everything stored adds up to, over two organizations."""

from dataclasses import replace
from datetime import timedelta

from tests.ports.rows import NOW, job, run
from trivium.core.model.figures import DURATION_BOUNDS_S, Figures
from trivium.core.model.runs import Usage
from trivium.core.ports import Store


async def test_an_empty_store_adds_up_to_nothing(store: Store) -> None:
    assert await store.read(lambda tx: tx.figures.read()) == Figures(uses=[], within=[0] * len(DURATION_BOUNDS_S))


async def test_figures_add_up_over_organizations(store: Store) -> None:
    priced, unpriced = Usage(model="m", input_tokens=5, output_tokens=1, cost_usd=0.5), Usage(model="n", input_tokens=1)
    ended = replace(run(), status="succeeded", started_at=NOW, finished_at=NOW + timedelta(seconds=1))
    runs = [
        replace(ended, usage=(priced, unpriced)),
        replace(ended, id="r2", organization_id="o2", usage=(priced,), finished_at=NOW + timedelta(hours=1)),
        run("r3", "o2"),
    ]
    jobs = [job("j1", status="dead"), job("j2", "o2", status="dead"), job("j3", status="done")]
    await store.write(lambda tx: tx.runs.add(*runs))
    await store.write(lambda tx: tx.jobs.add(*jobs))
    figures = await store.read(lambda tx: tx.figures.read())
    assert figures.runs == {"succeeded": 2, "queued": 1}
    assert figures.uses == [Usage(model="m", input_tokens=10, output_tokens=2, cost_usd=1.0), unpriced]
    assert (figures.duration_count, figures.duration_s_sum) == (2, 3601.0)
    assert list(figures.within) == [1 if bound >= 1 else 0 for bound in DURATION_BOUNDS_S]
    assert (figures.jobs, figures.deliveries) == ({"dead": 2}, {})
