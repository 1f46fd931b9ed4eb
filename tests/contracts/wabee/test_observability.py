"""Totals and logs agree with the stored runs (section 8)."""

import json
from collections.abc import Iterator

import pytest

from tests.contracts.site import Site
from tests.contracts.wabee.client import Wabee, wabee
from tests.contracts.wabee.test_access import check_envelope

pytestmark = pytest.mark.server
METRICS = {
    *("status_value_counts", "total_requests", "total_errors", "total_tokens", "mean_tokens"),
    *("mean_latency", "max_latency", "min_latency"),
    *("total_prompt_tokens", "mean_prompt_tokens", "total_completion_tokens", "mean_completion_tokens"),
}


@pytest.fixture
def plant(site: Site) -> Iterator[Wabee]:
    with wabee(site) as opened:
        yield opened


def test_metrics_are_served_in_both_generations(plant: Wabee) -> None:
    data = plant.http.get("/core/v1/metrics").json()
    assert data.keys() == METRICS | {"body"}
    assert data.pop("body") == data
    assert (data["total_requests"], data["mean_latency"], data["status_value_counts"]) == (0, 0.0, {})


def test_metrics_add_up_to_what_was_answered(site: Site, plant: Wabee) -> None:
    used = [plant.ask(text).json()["body"]["usage"][0]["usage"] for text in ("one", "two words", "three words now")]
    with wabee(site) as other:
        other.ask("not ours")
    data = plant.http.get("/core/v1/metrics").json()
    assert data["total_tokens"] == sum(used)
    assert data["total_tokens"] == data["total_prompt_tokens"] + data["total_completion_tokens"]
    assert data["mean_tokens"] == pytest.approx(sum(used) / 3)
    assert data["status_value_counts"] == {"success": 3}
    assert 0 < data["min_latency"] <= data["mean_latency"] <= data["max_latency"] < 20


def test_errors_are_counted_and_logged(site: Site) -> None:
    with wabee(site, {"error": {"code": "upstream_failed", "message": "The model is down."}}) as plant:
        plant.ask()
        data = plant.http.get("/core/v1/metrics").json()
        (entry,) = json.loads(plant.http.get("/core/v1/logs").json()["data"])
    assert (data["total_errors"], data["status_value_counts"]) == (1, {"error": 1})
    assert (entry["status"], entry["error"]) == ("error", "The model is down.")


def test_logs_are_a_string_of_json_newest_first(plant: Wabee) -> None:
    ids = [plant.ask(f"q{number}").headers["run-id"] for number in range(12)]
    page = plant.http.get("/core/v1/logs").json()
    assert page.keys() == {"data", "total", "has_more"}
    assert isinstance(page["data"], str)
    entries = json.loads(page["data"])
    assert [entry["id"] for entry in entries] == ids[::-1][:10]
    assert (page["total"], page["has_more"]) == (12, True)
    assert {"name", "id", "model", "error", "status", "latency", "end_time"} <= entries[0].keys()
    assert type(entries[0]["end_time"]) is int
    rest = plant.http.get("/core/v1/logs", params={"offset": 10, "limit": 5}).json()
    assert ([entry["id"] for entry in json.loads(rest["data"])], rest["has_more"]) == (ids[1::-1], False)


def test_logs_are_filtered_by_run_and_time(plant: Wabee) -> None:
    first, second = plant.ask("a"), plant.ask("b")
    both = json.loads(plant.http.get("/core/v1/logs").json()["data"])
    end = both[1]["end_time"]

    def logged(**params: object) -> list[str]:
        page = plant.http.get("/core/v1/logs", params={k: str(v) for k, v in params.items()}).json()
        return [entry["id"] for entry in json.loads(page["data"])]

    assert logged(run_id=first.headers["run-id"]) == [first.headers["run-id"]]
    assert logged(run_id="unknown") == []
    assert logged(start_timestamp=0, end_timestamp=0) == [second.headers["run-id"], first.headers["run-id"]]
    assert logged(start_timestamp=end + 3_600_000) == []
    assert logged(end_timestamp=end - 3_600_000) == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "offset=-1", "start_timestamp=-5", "end_timestamp=1e30", "start_timestamp=soon"]
)
def test_a_log_query_of_another_shape_is_422(plant: Wabee, query: str) -> None:
    check_envelope(plant.http.get(f"/core/v1/logs?{query}"), 422)
