"""A request with an Idempotency-Key that a kill cut off is one run, however often it is sent again."""

import asyncio
import http.client
import json
import threading
import time
from pathlib import Path

import aiohttp
import pytest

from tests.faults.served import Killable, add_agent, counting_tool, read_store
from trivium.core.model.json import JSONObject
from trivium.core.model.runs import Run
from trivium.core.ports import Transaction

KEYS, TIMES, KEYS_AT_ONCE = 1_000, 20, 10
TURN: JSONObject = {"text": " ".join(f"word{n}" for n in range(200)), "delay_ms": 10}


def ask(port: int, key: str) -> tuple[int, dict[str, object]]:
    """Send the request and return status and body; raises OSError when the server goes away."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"x-wabee-access": key, "content-type": "application/json", "idempotency-key": "order-7"}
    body = json.dumps({"messages": [{"role": "user", "content": "Please."}]})
    try:
        connection.request("POST", "/core/v1/chain", body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


@pytest.mark.timeout(120)
def test_a_retry_after_a_kill_finds_the_run_it_began(tmp_path: Path) -> None:
    with counting_tool() as tool:
        server = Killable(tmp_path)
        organization = json.loads(server.admin("org", "create", "Once", "--json"))["id"]
        agent = add_agent(tmp_path, organization, tool, TURN)
        words = ("key", "create", "--org", organization, "--kind", "wabee", "--agent", agent, "--json")
        key = json.loads(server.admin(*words))["key"]
        server.start()
        cut: list[Exception] = []

        def first() -> None:
            try:
                ask(server.port, key)
            except (OSError, http.client.HTTPException) as error:
                cut.append(error)

        asking = threading.Thread(target=first)
        asking.start()
        time.sleep(0.8)
        server.kill()
        asking.join(60)
        server.start()
        status, again = ask(server.port, key)
        replayed = ask(server.port, key)[1]
        server.stop()
    assert cut
    assert (status, str(again["output"]).endswith("word199")) == (200, True)
    assert replayed == again
    runs: list[Run] = read_store(tmp_path, lambda tx: all_runs(tx, organization))
    assert [run.output for run in runs] == [again["output"]]


@pytest.mark.timeout(300)
def test_a_thousand_keys_twenty_times_at_once_are_a_thousand_runs(tmp_path: Path) -> None:
    with counting_tool() as tool:
        server = Killable(tmp_path)
        organization = json.loads(server.admin("org", "create", "Many", "--json"))["id"]
        agent = add_agent(tmp_path, organization, tool, {"text": "Yes."})
        words = ("key", "create", "--org", organization, "--kind", "wabee", "--agent", agent, "--json")
        key = json.loads(server.admin(*words))["key"]
        server.start()
        answers = asyncio.run(ask_all(server.port, key))
        server.stop()
    assert {status for of_key in answers for status, _ in of_key} == {200}
    # All twenty say the same, no two keys do: the names of run and conversation stand in the headers.
    assert all(len(set(of_key)) == 1 for of_key in answers)
    assert len({of_key[0] for of_key in answers}) == KEYS
    runs: list[Run] = read_store(tmp_path, lambda tx: tx.runs.find(organization, limit=2 * KEYS))
    assert {run.id for run in runs} == {run_id for (_, run_id), *_ in answers}
    assert len(runs) == KEYS


async def ask_all(port: int, key: str) -> list[list[tuple[int, str]]]:
    """Send each key's request twenty times at the same moment; return status and run of each answer, by key."""
    body = json.dumps({"messages": [{"role": "user", "content": "Please."}]})
    headers = {"x-wabee-access": key, "content-type": "application/json"}
    at_once = asyncio.Semaphore(KEYS_AT_ONCE)
    connector = aiohttp.TCPConnector(limit=KEYS_AT_ONCE * TIMES)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", connector=connector, headers=headers) as session:

        async def ask_once(number: int) -> tuple[int, str]:
            named = {"idempotency-key": f"order-{number}"}
            async with session.post("/core/v1/chain", data=body, headers=named) as answer:
                await answer.read()
                return answer.status, answer.headers.get("run-id", "")

        async def ask_often(number: int) -> list[tuple[int, str]]:
            async with at_once:
                return list(await asyncio.gather(*(ask_once(number) for _ in range(TIMES))))

        return list(await asyncio.gather(*(ask_often(number) for number in range(KEYS))))


def all_runs(tx: Transaction, organization_id: str) -> list[Run]:
    return tx.runs.find(organization_id)
