"""A stream goes on across a server that is killed and started again: nothing lost, nothing repeated."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.conftest import collected, opened, settled, taken
from tests.faults.served import Killable, add_agent, counting_tool
from trivium_client import AsyncWabee, AsyncWisebot, Wabee, Wisebot

pytestmark = pytest.mark.server
WORDS = [f"word{number} " for number in range(60)]


@pytest.fixture(scope="module")
def killable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Killable, dict[str, str]]]:
    """Yield a server in a process of its own, and keys and the id of its agent, whose answers take a second."""
    folder: Path = tmp_path_factory.mktemp("data")
    with counting_tool() as tool:
        server = Killable(folder)
        organization = json.loads(server.admin("org", "create", "Restart", "--json"))["id"]
        agent = add_agent(folder, organization, tool, {"text": "".join(WORDS).strip(), "delay_ms": 15})
        made = {"agent": agent}
        # The inbox belongs to the organization, so its key is for all agents.
        for kind, limit in (("wabee", ("--agent", agent)), ("wisebot", ())):
            words = ("key", "create", "--org", organization, "--kind", kind, *limit, "--json")
            made[kind] = json.loads(server.admin(*words))["key"]
        server.start()
        yield server, made
        server.stop()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait between tries as long as a user's client does: a server needs a second to start."""
    monkeypatch.setattr("trivium_client._retry.FIRST_DELAY_S", 0.25)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("client", [Wabee, AsyncWabee])
@pytest.mark.parametrize("kill_after", [1, 12])
async def test_stream_survives_kill_and_restart(killable, patient, client, kill_after: int) -> None:
    server, keys = killable
    wabee = client(keys["wabee"], f"http://127.0.0.1:{server.port}")
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


@pytest.mark.timeout(120)
@pytest.mark.parametrize("client", [Wisebot, AsyncWisebot])
@pytest.mark.parametrize("call", ["stream", "regenerate"])
async def test_chat_survives_kill_and_restart(killable, patient, client, call: str) -> None:
    server, keys = killable
    wisebot = client(keys["wisebot"], f"http://127.0.0.1:{server.port}")
    session = await settled(wisebot.chat.create_session(f"{call}-{client.__name__}", agent_id=keys["agent"]))
    pair = {"thread_id": session.thread_id, "contact_session_id": session.contact_session_id}
    if call == "regenerate":
        await settled(wisebot.chat.stream(prompt="Tell me.", **pair).text())
    stream = wisebot.chat.regenerate(**pair) if call == "regenerate" else wisebot.chat.stream(prompt="Tell me.", **pair)
    events = await taken(stream, 6)
    server.kill()
    server.start()
    events += await collected(stream)
    text = "".join(WORDS).strip()
    assert "".join(event.delta for event in events if event.type == "text-delta") == text
    assert [event.type for event in events if event.type != "text-delta"] == ["start", "finish"]
    assert (events[-1].full_text, stream.resumes >= 1) == (text, True)
    messages = await settled(wisebot.chat.messages(**pair))
    assert [message.text for message in messages] == ["Tell me.", text]
    await settled(wisebot.close())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("client", [Wisebot, AsyncWisebot])
async def test_watched_conversation_survives_kill_and_restart(killable, patient, client) -> None:
    server, keys = killable
    wisebot = client(keys["wisebot"], f"http://127.0.0.1:{server.port}")
    session = await settled(wisebot.chat.create_session(f"watch-{client.__name__}", agent_id=keys["agent"]))
    async with opened(wisebot.inbox.watch(session.thread_id)) as news:
        seen = await taken(news, 1)
        await settled(wisebot.inbox.reply(session.thread_id, "One."))
        seen += await taken(news, 2)
        server.kill()
        server.start()
        for text in ("Two.", "Three."):
            await settled(wisebot.inbox.reply(session.thread_id, text))
        seen += await taken(news, 2)
    assert [event.message.text if event.message else event.status for event in seen] == [
        "unresolved",
        "One.",
        "escalated",
        "Two.",
        "Three.",
    ]
    await settled(wisebot.close())
