"""`kill -9` at every step of a workflow: each step's effect happens once, and the run ends."""

import os
from typing import Any

import pytest

from tests.faults.marking import Markers, new_key, run_and_kill
from tests.faults.served import Killable

STEPS = 10
# Twice each step: while its effect is being made, and after it was answered but perhaps not noted.
POINTS = min(2 * STEPS, int(os.environ.get("TRIVIUM_FAULT_POINTS", "10")))


def _flow(markers: Markers) -> dict[str, Any]:
    url = f"http://127.0.0.1:{markers.port}/mark/"
    steps = [
        {"id": f"s{n}", "key": f"s{n}", "type": "http", "config": {"method": "POST", "url": f"{url}{n}", "body": {}}}
        for n in range(STEPS)
    ]
    edges = [{"from": f"s{n}", "to": f"s{n + 1}"} for n in range(STEPS - 1)]
    return {"name": "Marks", "steps": steps, "edges": edges}


@pytest.mark.server
@pytest.mark.timeout(60 + POINTS * 30)
def test_every_step_has_its_effect_once_wherever_the_server_is_killed(server: Killable, markers: Markers) -> None:
    moments = [(number, when) for number in range(STEPS) for when in ("before", "after")]
    if len(moments) > POINTS:
        moments = [(number, "after" if number % 2 else "before") for number in range(STEPS)]
    chosen = moments[:POINTS]
    run = run_and_kill(server, markers, new_key(server), flow=_flow(markers), moments=chosen)
    assert (run["status"], len(run["steps"])) == ("succeeded", STEPS), run
    assert {one["status"] for one in run["steps"]} == {"succeeded"}
    # One key for each step, so that a receiver that looks at keys acts once, however often it was asked.
    assert len(markers.asked) == STEPS
    assert set(markers.answered) == set(markers.asked)
    # Nothing is asked twice but what was in flight, or not yet noted, at a kill.
    assert sum(markers.asked.values()) <= STEPS + len(chosen)
