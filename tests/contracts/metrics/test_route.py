"""`GET /metrics` on a running server: who may read it, and that it tells what is stored."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.contracts.site import Site, open_site
from tests.ports.rows import job, run
from trivium.core.model.runs import Usage

TOKEN = "metrics-token-of-the-test"


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with open_site(tmp_path_factory.mktemp("watched"), metrics_token=TOKEN) as opened:
        yield opened


def test_nothing_is_served_without_a_token_setting(site: Site) -> None:
    answer = httpx2.get(f"{site.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
def test_only_the_token_opens_it(watched: Site, headers: dict[str, str]) -> None:
    answer = httpx2.get(f"{watched.url}/metrics", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_an_organization_s_key_opens_nothing(watched: Site) -> None:
    key = watched.key(watched.organization())
    assert httpx2.get(f"{watched.url}/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 401


def test_it_tells_what_is_stored_of_all_organizations_together(watched: Site) -> None:
    at = datetime(2026, 1, 5, tzinfo=UTC)
    used = (Usage(model="p/m", input_tokens=7, output_tokens=2, cost_usd=0.25),)
    runs = [
        replace(
            run("r1", "o1"), status="succeeded", usage=used, started_at=at, finished_at=at + timedelta(seconds=0.2)
        ),
        replace(run("r2", "o2"), status="failed", usage=used, started_at=at, finished_at=at + timedelta(seconds=900)),
    ]
    watched.run(watched.platform.store.write(lambda tx: tx.runs.add(*runs)))
    watched.run(watched.platform.store.write(lambda tx: tx.jobs.add(job("dead", status="dead"))))
    answer = httpx2.get(f"{watched.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["trivium_runs_total", "succeeded"] == found["trivium_runs_total", "failed"] == 1
    assert (found["trivium_tokens_total", "input", "p/m"], found["trivium_cost_usd_total", "p/m"]) == (14, 0.5)
    assert found["trivium_run_duration_seconds_bucket", "0.25"] == 1
    assert found["trivium_run_duration_seconds_bucket", "600.0"] == 1
    assert (found["trivium_run_duration_seconds_count",], found["trivium_jobs", "dead"]) == (2, 1)
    assert "o1" not in answer.text
