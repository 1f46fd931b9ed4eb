"""The Prometheus text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from trivium.core.model.figures import DURATION_BOUNDS_S, Figures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_RUNS = ("queued", "running", "waiting", "succeeded", "failed", "cancelled")
_ENDED = frozenset(_RUNS[3:])
_JOBS = ("queued", "running", "dead")
_DELIVERIES = ("waiting", "pending", "dead")
Sample = tuple[str, Mapping[str, str], float]


@dataclass(frozen=True, kw_only=True)
class Process:
    """What only the answering process knows."""

    live_runs: int
    store_queue: int


def render(figures: Figures, process: Process) -> str:
    """Return every family; counters have their first sample before anything has happened, so that rates work."""
    uses = figures.uses
    families = [
        _family(
            "runs_total",
            "counter",
            "Runs that have ended.",
            _by_status(figures.runs, [s for s in _RUNS if s in _ENDED]),
        ),
        _family(
            "runs",
            "gauge",
            "Runs that have not ended.",
            _by_status(figures.runs, [s for s in _RUNS if s not in _ENDED]),
        ),
        _family(
            "tokens_total",
            "counter",
            "Tokens that models read (input) and wrote (output).",
            [("", {"model": use.model, "direction": "input"}, use.input_tokens) for use in uses]
            + [("", {"model": use.model, "direction": "output"}, use.output_tokens) for use in uses],
        ),
        _family(
            "cost_usd_total",
            "counter",
            "Cost in US dollars; models whose price is not known are left out.",
            [("", {"model": use.model}, use.cost_usd) for use in uses if use.cost_usd is not None],
        ),
        _family("run_duration_seconds", "histogram", "Time from start to end of a run.", _durations(figures)),
        _family("live_runs", "gauge", "Runs that this process drives or holds queued.", [("", {}, process.live_runs)]),
        _family("jobs", "gauge", "Background jobs that are not done, and dead ones.", _by_status(figures.jobs, _JOBS)),
        _family(
            "deliveries",
            "gauge",
            "Callbacks and webhooks not delivered yet, and dead ones.",
            _by_status(figures.deliveries, _DELIVERIES),
        ),
        _family("store_queue_length", "gauge", "Writes that wait for the database.", [("", {}, process.store_queue)]),
    ]
    return "".join(families)


def _by_status(counts: Mapping[str, int], statuses: Iterable[str]) -> list[Sample]:
    return [("", {"status": status}, counts.get(status, 0)) for status in statuses]


def _durations(figures: Figures) -> list[Sample]:
    bounds = [(_number(bound), count) for bound, count in zip(DURATION_BOUNDS_S, figures.within, strict=True)]
    buckets: list[Sample] = [
        ("_bucket", {"le": bound}, count) for bound, count in [*bounds, ("+Inf", figures.duration_count)]
    ]
    return [*buckets, ("_sum", {}, figures.duration_s_sum), ("_count", {}, figures.duration_count)]


def _family(name: str, kind: str, about: str, samples: Iterable[Sample]) -> str:
    name = f"trivium_{name}"
    lines = [f"# HELP {name} {about}", f"# TYPE {name} {kind}"]
    for suffix, labels, value in samples:
        inner = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        lines.append(f"{name}{suffix}{{{inner}}} {_number(value)}" if inner else f"{name}{suffix} {_number(value)}")
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return repr(value)
