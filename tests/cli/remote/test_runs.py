"""`trivium runs` on a real server: runs of agents and workflows in one list, watched, answered, run again."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.contracts.site import open_site
from tests.contracts.wisebot.office import Office

pytestmark = pytest.mark.server
HUMAN = [
    {"id": "s1", "key": "message", "type": "input", "name": "Message", "config": {"field": "message"}},
    {
        "id": "s2",
        "key": "review",
        "type": "human",
        "name": "Review",
        "config": {"title": "Good?", "fields": [{"name": "fine", "type": "boolean", "required": True}]},
    },
    {"id": "s3", "key": "out", "type": "output", "name": "Result", "config": {"value": "{{review.fine}}"}},
]
EDGES = [{"from": "s1", "to": "s2"}, {"from": "s2", "to": "s3"}]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with open_site(tmp_path_factory.mktemp("site")) as site:
        office = Office(site)
        yield office
        office.close()


@pytest.fixture
def runs(trivium: Command, office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    monkeypatch.setenv("WISEBOTAI_BASE_URL", office.site.url)
    monkeypatch.setenv("WISEBOT_ACCESS_TOKEN", office.jwt)
    monkeypatch.setenv("TRIVIUM_CONTEXTS", str(tmp_path / "contexts.toml"))
    return lambda *words, stdin="": trivium("runs", *words, stdin=stdin)


@pytest.fixture
def waiting(office: Office, eventually: Callable[..., Any]) -> str:
    """Return a run of a workflow that waits for a person."""
    flow = office.flow(HUMAN, EDGES)
    run = office.api.post(f"/api/v1/flows/{flow['id']}/runs", json={"inputs": {"message": "hi"}}).json()["runId"]
    eventually(lambda: office.api.get("/api/v1/forms", params={"runId": run}).json()["forms"])
    return str(run)


@pytest.fixture
def eventually(office: Office) -> Callable[..., Any]:
    """Ask until there is something, for at most ten seconds; each question takes the server some time."""

    def wait(look: Callable[[], Any]) -> Any:
        for _ in range(2000):
            if found := look():
                return found
            office.api.get("/api/v1/status")
        raise AssertionError("it never came")

    return wait


def status_of(runs: Command, run_id: str) -> str:
    return str(runs("show", run_id, "-o", "json").json["status"])


def test_both_kinds_are_listed_newest_first(runs: Command, office: Office) -> None:
    office.ask(office.session(), "Hello")
    flow = office.flow()
    office.api.post(f"/api/v1/flow/{flow['id']}", json={"inputs": {"message": "hi"}})
    rows = runs("list", "-o", "json").json["runs"]
    assert [row["kind"] for row in rows[:2]] == ["workflow", "agent"]
    assert (rows[0]["of"], rows[0]["by"], rows[1]["of"]) == (flow["id"], "api", office.agent.id)
    assert {row["kind"] for row in runs("list", "--kind", "agent", "-o", "json").json["runs"]} == {"agent"}
    assert runs("list", "--kind", "workflow", "--limit", "1", "-o", "name").line == rows[0]["id"]
    assert "STATUS" in runs("list").out


def test_a_run_of_a_workflow_is_shown_with_its_steps(runs: Command, office: Office) -> None:
    flow = office.flow()
    run = office.api.post(f"/api/v1/flow/{flow['id']}", json={"inputs": {"message": "hi"}}).json()["runId"]
    shown = runs("show", run).out
    assert [line.split()[:2] for line in shown.splitlines()[-3:]] == [
        ["message", "succeeded"],
        ["upper", "succeeded"],
        ["out", "succeeded"],
    ]
    told = [json.loads(line) for line in runs("events", run, "--follow", "-o", "json").out.splitlines()]
    assert [(one["type"], one["step"]) for one in told] == [
        ("step_succeeded", "message"),
        ("step_succeeded", "upper"),
        ("step_succeeded", "out"),
    ]


def test_a_form_is_approved_and_the_run_goes_on(runs: Command, waiting: str) -> None:
    assert waiting in runs("list", "--status", "waiting", "-o", "name").out.split()
    assert runs("forms", waiting, "-o", "json").json["forms"][0]["stepKey"] == "review"
    assert runs("approve", waiting, "review", "--refuse").status == 0
    assert runs("events", waiting, "--follow").status == 0
    assert runs("show", waiting, "-o", "json").json["result"] is False


def test_a_form_is_answered_field_by_field(runs: Command, waiting: str) -> None:
    assert runs("answer", waiting, "review", "fine=true").status == 0
    assert runs("events", waiting, "--follow").status == 0
    assert runs("show", waiting, "-o", "json").json["result"] is True
    assert runs("answer", waiting, "review", "fine").status == 2
    assert "No form of the step 'review' waits" in runs("approve", waiting, "review").err


def test_a_workflow_is_cancelled_and_run_again_from_a_step(runs: Command, waiting: str) -> None:
    assert runs("cancel", waiting).status == 2
    assert runs("cancel", waiting, "--yes").status == 0
    assert status_of(runs, waiting) == "cancelled"
    again = runs("rerun", waiting, "--from-step", "message").line
    assert again.startswith("wfr_")
    assert runs("cancel", again, "--yes").status == 0


def test_a_run_of_an_agent_cannot_be_run_again(runs: Command) -> None:
    refused = runs("rerun", "run_1")
    assert (refused.status, "Only runs of workflows" in refused.err) == (2, True)


def test_unknown_runs_are_told_in_a_line(runs: Command) -> None:
    for run in ("run_nothing", "wfr_nothing"):
        outcome = runs("show", run)
        assert (outcome.status, len(outcome.err.splitlines())) == (1, 1)
