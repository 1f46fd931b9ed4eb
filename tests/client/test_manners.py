"""What a user of the clients may rely on beside the answers: no leaks, no secrets shown, no limits met by surprise."""

import asyncio
import logging
import threading
import traceback
from typing import Any

import anyio
import pytest

from tests.client.conftest import opened, settled, taken
from tests.client.misbehaving import Reply, Server, answer, events
from trivium_client import (
    AsyncWabee,
    AsyncWisebot,
    AsyncWizChat,
    ConnectionFailed,
    InvalidAnswer,
    MissingConfiguration,
    Wabee,
    Wisebot,
    WizChat,
    trigger_workflow,
)
from trivium_client._async import transport as async_transport
from trivium_client._generated import transport

BOTH = (Wisebot, AsyncWisebot)
RUN = {
    **dict.fromkeys(("agentId", "conversationId", "requestId", "channel", "status", "model", "error"), "x"),
    **dict.fromkeys(("createdAt", "startedAt", "finishedAt"), "2026-01-01T00:00:00Z"),
    "eventCount": 1,
}
SECRET = "wb_live_do-not-show"
AT = "2026-01-05T09:00:00Z"
KEY = {
    "id": "key_1",
    "name": "Nightly",
    "prefix": "wb_live_",
    "lastFour": "show",
    "kind": "wisebot",
    "createdAt": AT,
    **dict.fromkeys(("lastUsedAt", "revokedAt", "expiresAt", "agentIds")),
}
RUN = {
    "agentId": "agt_1",
    "conversationId": "c1",
    "requestId": "r1",
    "channel": "api",
    "status": "succeeded",
    "model": "m",
    "createdAt": AT,
    "startedAt": AT,
    "finishedAt": AT,
    "error": None,
    "eventCount": 1,
}
STEP = {"id": "r", "token": "Yo", "agent_step": "TYPING_TEXT", "finish_reason": "null"}


@pytest.mark.parametrize("client", BOTH)
async def test_no_secret_is_shown_or_logged(server: Server, client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.will(answer({**KEY, "key": SECRET}, 201), answer({"error": "x"}, 401))
    wisebot = client("jwt-do-not-show", server.url, headers={"x-team": SECRET})
    key = await settled(wisebot.admin.api_keys.create("Nightly"))
    assert key.key == SECRET
    with pytest.raises(Exception, match="401") as caught:
        await settled(wisebot.v1.status())
    shown = [repr(key), str(key), repr(key.raw_response), repr(wisebot), repr(caught.value), caplog.text]
    assert [text for text in shown if "do-not-show" in text] == []
    await settled(wisebot.close())


@pytest.mark.parametrize("client", [WizChat, AsyncWizChat, Wisebot, AsyncWisebot, Wabee, AsyncWabee])
@pytest.mark.parametrize("address", ["localhost:8080", "ftp://example.com", "http://", "shop.example.com"])
def test_address_that_is_none_is_told_at_once(client, address: str) -> None:
    with pytest.raises(MissingConfiguration, match="begins with http"):
        client("key", address)


@pytest.mark.parametrize("key", ["wpk_live_…", "two words", "line\nbreak"])
def test_key_that_cannot_be_sent_is_told_at_once(key: str) -> None:
    with pytest.raises(MissingConfiguration, match="copied whole"):
        WizChat(key)


async def test_blanks_around_a_key_are_no_part_of_it(server: Server) -> None:
    server.will(answer({"chatbots": []}))
    with WizChat(" wpk_live_1\n", f"{server.url}/ ") as wizchat:
        wizchat.list_chatbots()
    assert server.asked[0].headers["authorization"] == "Bearer wpk_live_1"


@pytest.mark.parametrize("client", BOTH)
async def test_server_that_is_away_is_named(client) -> None:
    wisebot = client("wb_live_1", "http://127.0.0.1:9", max_retries=0)
    with pytest.raises(ConnectionFailed, match=r"no answer from http://127.0.0.1:9: "):
        await settled(wisebot.chat.get_session("jane@example.com"))
    await settled(wisebot.close())


@pytest.mark.parametrize("client", BOTH)
async def test_answer_without_end_is_given_up(server: Server, client, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (transport, async_transport):
        monkeypatch.setattr(module, "ANSWER_BYTES_MAX", 100_000)
    server.will(Reply(body=b"x" * 1_000_000))
    wisebot = client("wb_live_1", server.url)
    with pytest.raises(InvalidAnswer, match="more than 100000 bytes"):
        await settled(wisebot.v1.status())
    await settled(wisebot.close())


@pytest.mark.parametrize("client", [Wabee, AsyncWabee])
async def test_stream_that_is_left_frees_its_connection(server: Server, client) -> None:
    one = events((1, STEP), run_id="run_1")
    server.will(Reply(body=one.body, headers=one.headers, stalls=True))
    wabee = client("key", server.url)
    pool = wabee._transport._client._transport._pool
    async with opened(wabee.chain_streaming("Hi")) as stream:
        await taken(stream, 1)
        assert len(pool.connections) == 1
    assert pool.connections == []
    await settled(wabee.close())


def open_connections(client: AsyncWabee) -> list[object]:
    pool: Any = client._transport._client._transport
    return list(pool._pool.connections)


async def test_cancelled_stream_frees_its_connection_and_can_be_read_on(server: Server) -> None:
    first, rest = events((1, STEP), run_id="run_1"), events((2, {**STEP, "finish_reason": "stop"}), run_id="run_1")
    server.will(Reply(body=first.body, headers=first.headers, stalls=True), rest)
    async with AsyncWabee("key", server.url) as wabee:
        stream = wabee.chain_streaming("Hi")
        assert (await anext(stream)).text == "Yo"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(stream), 0.05)
        assert open_connections(wabee) == []
        assert (await anext(stream)).is_final
        assert server.asked[1].headers["last-event-id"] == "1"
        await stream.close()


async def test_cancelled_scope_leaves_nothing_open(server: Server) -> None:
    one = events((1, STEP), run_id="run_1")
    server.will(Reply(body=one.body, headers=one.headers, stalls=True))
    async with AsyncWabee("key", server.url) as wabee:
        with anyio.move_on_after(0.2):
            async with wabee.chain_streaming("Hi") as stream:
                async for _ in stream:
                    pass
        assert open_connections(wabee) == []


@pytest.mark.parametrize("client", BOTH)
async def test_answer_that_does_not_fit_is_not_quoted(server: Server, client) -> None:
    server.will(answer({"key": SECRET}, 201))
    wisebot = client("jwt", server.url)
    with pytest.raises(InvalidAnswer, match="Field required") as caught:
        await settled(wisebot.admin.api_keys.create("Nightly"))
    assert "do-not-show" not in "".join(traceback.format_exception(caught.value))
    await settled(wisebot.close())


def test_client_is_shared_by_threads(server: Server) -> None:
    server.will(lambda asked: answer({"chatbot": {"id": asked.path.rpartition("/")[2], "name": "x"}}))
    found: dict[str, str] = {}

    def ask(name: str) -> None:
        for number in range(10):
            found[f"{name}-{number}"] = wizchat.get_chatbot(f"{name}-{number}").id

    with WizChat("wpk_live_1", server.url) as wizchat:
        threads = [threading.Thread(target=ask, args=(f"t{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert len(found) == 80
    assert all(key == value for key, value in found.items())


async def test_pages_go_on_where_the_server_gives_fewer_than_asked(server: Server) -> None:
    pages = {None: ["c", "b"], "b": ["a"], "a": []}
    server.will(lambda asked: answer({"runs": [{**RUN, "id": one} for one in pages[asked.query.get("before")]]}))
    with Wisebot("wb_live_1", server.url) as wisebot:
        assert [run.id for run in wisebot.runs.iterate(page_size=500)] == ["c", "b", "a"]


async def test_server_that_repeats_a_page_is_not_asked_for_ever(server: Server) -> None:
    server.will(answer({"runs": [{**RUN, "id": "a"}]}))
    with Wisebot("wb_live_1", server.url) as wisebot:
        assert [run.id for run in wisebot.runs.iterate()] == ["a", "a"]
    server.will(answer({"chatbots": [{"id": "b", "name": "B"}], "nextCursor": "b"}))
    with WizChat("wpk_live_1", server.url) as wizchat:
        assert len(list(wizchat.iterate_chatbots())) == 2


@pytest.mark.parametrize(
    ("client", "names"),
    [
        (WizChat, {"WIZCHAT_API_KEY": "k", "WIZCHAT_BASE_URL": "URL"}),
        (Wabee, {"WABEE_API_KEY": "k", "WABEE_ENDPOINT": "URL/core/v1"}),
        (Wisebot, {"WISEBOTAI_API_KEY": "k", "WISEBOTAI_BASE_URL": "URL"}),
        (Wisebot, {"WISE_KEY": "k", "TRIVIUM_URL": "URL"}),
        (Wisebot, {"WISEBOT_ACCESS_TOKEN": "k", "TRIVIUM_URL": "URL"}),
    ],
)
def test_variables_of_each_vendor_are_read(server: Server, monkeypatch: pytest.MonkeyPatch, client, names) -> None:
    for name in ("WISEBOTAI_API_KEY", "WISE_KEY", "WISEBOT_ACCESS_TOKEN", "WISEBOTAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in names.items():
        monkeypatch.setenv(name, value.replace("URL", server.url))
    with client() as made:
        assert made.base_url.startswith(server.url)


def test_trigger_reads_its_variables(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.will(answer({"ok": True}))
    monkeypatch.setenv("CONVEX_SITE_URL", server.url)
    monkeypatch.setenv("WISEBOT_WORKFLOW_SECRET", "wfs")
    monkeypatch.delenv("WISEBOT_WORKFLOW_TRIGGER_ORIGIN", raising=False)
    monkeypatch.delenv("WISEBOT_CONVEX_SITE", raising=False)
    assert trigger_workflow(None, None, "wf_1").json() == {"ok": True}
    assert (server.asked[0].query, server.asked[0].headers["authorization"]) == ({"workflowId": "wf_1"}, "Bearer wfs")
