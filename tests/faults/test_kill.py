"""`kill -9` at random points: nothing a reader saw is lost, nothing comes twice, every run ends."""

import json
import os
import random
import time
from pathlib import Path

import pytest

from tests.faults.reader import Reader
from tests.faults.served import Killable, add_agent, counting_tool, read_store
from trivium.core.events import ToolReturned
from trivium.core.model.budgets import BudgetCounter
from trivium.core.model.json import JSONObject
from trivium.core.model.runs import FINAL_STATUSES, Run
from trivium.core.ports import Transaction
from trivium.core.services.budget_counters import counters_of

POINTS = int(os.environ.get("TRIVIUM_FAULT_POINTS", "20"))
READERS = 4
CALL: JSONObject = {"text": "I pay. ", "tool_calls": [{"name": "pay", "input": {}}], "delay_ms": 5}
TURNS: list[JSONObject] = [CALL, CALL, {"text": " ".join(f"word{n}" for n in range(60)), "delay_ms": 8}]


@pytest.mark.timeout(60 + POINTS * 20)
def test_readers_see_every_event_once_through_kills(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    moment = random.Random(seed)
    with counting_tool() as tool:
        server = Killable(tmp_path, environ={"TRIVIUM_OUTBOUND_ALLOW": f"127.0.0.1:{tool.port}"})
        organization = json.loads(server.admin("org", "create", "Fault", "--json"))["id"]
        agent = add_agent(tmp_path, organization, tool, *TURNS)
        words = ("key", "create", "--org", organization, "--kind", "wabee", "--agent", agent, "--json")
        key = json.loads(server.admin(*words))["key"]
        server.start()
        readers = [Reader(server.port, key, "undisturbed")]
        began = time.monotonic()
        readers[0].start().join(60)
        whole_s = time.monotonic() - began
        for point in range(POINTS):
            asking = [Reader(server.port, key, f"point-{point}-{number}") for number in range(READERS)]
            threads = [reader.start() for reader in asking]
            time.sleep(moment.uniform(0.0, 1.2 * whole_s))
            server.kill()
            server.start()
            for thread in threads:
                thread.join(120)
            readers += asking
        server.stop()
        check_readers(tmp_path, readers)
        assert max(tool.answered.values()) == 1
    assert any(reader.connections > 1 for reader in readers)


def check_readers(folder: Path, readers: list[Reader]) -> None:
    """Hold what each reader saw against what is stored."""
    runs: list[Run] = read_store(folder, all_runs)
    assert [run.id for run in runs if run.status not in FINAL_STATUSES] == []
    check_counters(read_store(folder, all_counters), runs)
    stored = {run.id: run for run in runs}
    for reader in readers:
        assert reader.is_over
        assert len(reader.run_ids) == 1
        assert len(set(reader.ids)) == len(reader.ids)
        run = stored[next(iter(reader.run_ids))]
        assert reader.text == run.output
        if run.status == "succeeded":
            assert reader.text.endswith("word59")
        else:
            assert run.error_code == "tool_interrupted"


def check_counters(counters: list[BudgetCounter], runs: list[Run]) -> None:
    """Hold what the agent's budget counted against the runs that began in its month."""
    assert counters
    for counter in counters:
        counted = [run for run in runs if counter.id in counters_of(run)]
        uses = [use for run in counted for use in run.usage]
        tokens = sum(use.input_tokens + use.output_tokens for use in uses)
        assert (counter.requests, counter.tokens) == (len(counted), tokens)


def all_counters(tx: Transaction) -> list[BudgetCounter]:
    """Return every counter of a budget."""
    return [one for organization in tx.organizations.all() for one in tx.budget_counters.find(organization.id)]


def all_runs(tx: Transaction) -> list[Run]:
    """Return every run, whose events are gap-free and whose calls each returned once."""
    runs = [run for organization in tx.organizations.all() for run in tx.runs.find(organization.id, limit=10_000)]
    for run in runs:
        events = tx.events.read(run.id, 0, 100_000)
        assert [stored.seq for stored in events] == list(range(1, run.event_count + 1))
        returned = [stored.event.call_id for stored in events if isinstance(stored.event, ToolReturned)]
        assert len(set(returned)) == len(returned)
    return runs
