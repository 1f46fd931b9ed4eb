"""The text that Prometheus reads, read back by its own parser."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from trivium.contracts.metrics.text import Process, render
from trivium.core.model.figures import DURATION_BOUNDS_S, Figures
from trivium.core.model.runs import Usage


def read(figures: Figures) -> dict[tuple, float]:
    text = render(figures, Process(live_runs=3, store_queue=4))
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_never_happened_is_zero() -> None:
    found = read(Figures())
    assert found["trivium_runs_total", ("status", "failed")] == 0
    assert found["trivium_jobs", ("status", "dead")] == 0
    assert found["trivium_deliveries", ("status", "dead")] == 0
    assert (found["trivium_live_runs",], found["trivium_store_queue_length",]) == (3, 4)


def test_durations_are_a_histogram() -> None:
    within = tuple(range(1, len(DURATION_BOUNDS_S) + 1))
    found = read(Figures(within=within, duration_count=20, duration_s_sum=7.25))
    assert found["trivium_run_duration_seconds_bucket", ("le", "0.1")] == 1
    assert found["trivium_run_duration_seconds_bucket", ("le", "+Inf")] == 20
    assert found["trivium_run_duration_seconds_sum",] == 7.25
    assert found["trivium_run_duration_seconds_count",] == 20


def test_an_unknown_price_is_no_sample() -> None:
    found = read(Figures(uses=[Usage(model="a", cost_usd=None), Usage(model="b", cost_usd=0.5)]))
    assert [key for key in found if key[0] == "trivium_cost_usd_total"] == [("trivium_cost_usd_total", ("model", "b"))]


@given(st.text(max_size=30))
def test_any_model_name_comes_back(name: str) -> None:
    # The reader takes other line ends than the format's own for line ends, too.
    name = "".join(c for c in name if c == "\n" or c.splitlines() != [""])
    found = read(Figures(uses=[Usage(model=name, input_tokens=12, output_tokens=5)]))
    assert found["trivium_tokens_total", ("direction", "input"), ("model", name)] == 12
