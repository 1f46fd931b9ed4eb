"""A stream goes on across a server that is killed and started again: nothing lost, nothing repeated."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.conftest import collected, settled
from tests.faults.served import Killable, add_agent, counting_tool
from trivium_client import AsyncWabee, Wabee

pytestmark = pytest.mark.server
WORDS = [f"word{number} " for number in range(60)]


@pytest.fixture(scope="module")
def killable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Killable, str]]:
    """Yield a server in a process of its own and a key of its agent, whose answers take a second."""
    folder: Path = tmp_path_factory.mktemp("data")
    with counting_tool() as tool:
        server = Killable(folder)
        organization = json.loads(server.admin("org", "create", "Restart", "--json"))["id"]
        agent = add_agent(folder, organization, tool, {"text": "".join(WORDS).strip(), "delay_ms": 15})
        words = ("key", "create", "--org", organization, "--kind", "wabee", "--agent", agent, "--json")
        key = json.loads(server.admin(*words))["key"]
        server.start()
        yield server, key
        server.stop()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait between tries as long as a user's client does: a server needs a second to start."""
    monkeypatch.setattr("trivium_client._retry.FIRST_DELAY_S", 0.25)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("client", [Wabee, AsyncWabee])
@pytest.mark.parametrize("kill_after", [1, 12])
async def test_stream_survives_kill_and_restart(killable, patient, client, kill_after: int) -> None:
    server, key = killable
    wabee = client(key, f"http://127.0.0.1:{server.port}")
    stream = wabee.chain_streaming("Tell me.")
    seen: list[str] = []

    def take(text: str) -> None:
        seen.append(text)
        if len([piece for piece in seen if piece]) == kill_after:
            server.kill()
            server.start()

    if isinstance(wabee, Wabee):
        for event in stream:
            take(event.text)
    else:
        async for event in stream:
            take(event.text)
    assert "".join(seen) == "".join(WORDS).strip()
    assert stream.resumes >= 1
    session = (await settled(wabee.sessions.list(limit=1))).sessions[0]
    stored = await settled(wabee.sessions.get(session.session_id))
    assert stored.messages[-1].content == "".join(seen)
    assert len(await collected(wabee.sessions.iterate())) >= 1
    await settled(wabee.close())
