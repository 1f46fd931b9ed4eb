"""A listener goes on across a server that is killed and started again."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.conftest import settled
from tests.faults.served import Killable
from trivium_client import AsyncWisebot, Wisebot

pytestmark = pytest.mark.server


@pytest.fixture
def killable(tmp_path: Path) -> Iterator[tuple[Killable, str]]:
    """Yield a server in a process of its own and a person's token."""
    server = Killable(tmp_path / "data")
    organization = json.loads(server.admin("org", "create", "Restart", "--json"))["id"]
    words = [
        "user",
        "create",
        "jane@example.com",
        "--org",
        organization,
        "--role",
        "owner",
        "--data",
        str(tmp_path / "data"),
    ]
    program = [sys.executable, "-m", "trivium.cli.main", "admin", *words]
    subprocess.run(program, input="correct horse battery\n", text=True, check=True, timeout=60)
    token = server.admin("token", "jane@example.com", "--org", organization).strip()
    server.start()
    yield server, token
    server.stop()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("client", [Wisebot, AsyncWisebot])
async def test_events_survive_kill_and_restart(killable, monkeypatch: pytest.MonkeyPatch, client) -> None:
    monkeypatch.setattr("trivium_client._retry.FIRST_DELAY_S", 0.25)
    server, token = killable
    wisebot = client(token, f"http://127.0.0.1:{server.port}")
    listeners = wisebot.admin.listeners
    opened = await settled(listeners.open(["run.finished"]))
    stream = listeners.events(opened.id)
    for _ in range(2):
        await settled(listeners.trigger("run.finished"))
    seen = [await following(stream)]
    server.kill()
    server.start()
    seen.append(await following(stream))
    await settled(listeners.trigger("run.finished"))
    seen.append(await following(stream))
    assert (seen, stream.resumes >= 1) == ([1, 2, 3], True)
    await settled(listeners.close(opened.id))
    await settled(stream.close())
    await settled(wisebot.close())


async def following(stream) -> int:
    """Return the number of the next event."""
    event = await anext(stream) if hasattr(stream, "__anext__") else next(stream)
    return int(event.seq)
