"""Visitor chat under strain: many streams, readers that take nothing, proxies that gather, readers that come back."""

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.contracts.site import Site, open_site
from tests.contracts.wisebot.office import Office, events_of, pair
from tests.contracts.wisebot.visitors import Told, request_of, stalled, told, visit
from trivium.contracts import sse

pytestmark = pytest.mark.server
_STREAMS = 500
_STALLED, _STALLED_S = 100, 4.0
_GROWTH_MB_MAX = 100
_ANSWER_S_MAX = 1.0
_LONG = " ".join("x" * 999 for _ in range(200))
_TEXT = " ".join(f"word{number}" for number in range(40))


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Office]]:
    """Open a site of its own, whose agent follows the turns or has the fields."""
    with contextlib.ExitStack() as stack:

        def make(*turns: Any, stalled_s: float = 120.0, **agent: Any) -> Office:
            site: Site = stack.enter_context(open_site(tmp_path, stalled_s=stalled_s, heartbeat_s=2.0))
            office = Office(site, *turns, **agent)
            stack.callback(office.close)
            return office

        yield make


def _sessions(office: Office, count: int) -> list[Any]:
    with ThreadPoolExecutor(16) as pool:
        return list(pool.map(lambda number: office.session(f"visitor {number}"), range(count)))


def _read_all(office: Office, sessions: list[Any]) -> list[tuple[int, Told]]:
    """Ask in every conversation at once and return what was told."""

    async def all_of_them() -> list[tuple[int, Told]]:
        return await asyncio.gather(
            *(visit(_port(office), request_of(office, session, "Hello")) for session in sessions)
        )

    return asyncio.run(all_of_them())


def _port(office: Office) -> int:
    return int(urlsplit(office.site.url).port or 0)


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _wait_for_descriptors(count: int) -> None:
    """Return when the process, server and readers in one, has no more open than so many; fail after 20 s."""
    deadline = time.monotonic() + 20
    while _descriptors() > count:
        assert time.monotonic() < deadline, "stalled readers are still connected"
        time.sleep(0.05)


def _memory_mb() -> float:
    return int(Path("/proc/self/status").read_text().partition("RssAnon:")[2].split()[0]) / 1024


def test_five_hundred_streams_at_once_all_end_whole(make_site: Callable[..., Office]) -> None:
    office = make_site(model="scripted/tokens?count=20&delay_ms=100")
    expected = "".join(f"t{number} " for number in range(20))
    for status, one in _read_all(office, _sessions(office, _STREAMS)):
        assert (status, one.is_whole, one.text) == (200, True, expected)
        assert one.numbers == sorted(set(one.numbers))
        assert [event["type"] for event in one.events if event["type"] != "text-delta"] == ["start", "finish"]
        assert one.events[-1]["fullText"] == expected


def test_readers_that_take_nothing_cost_the_others_and_memory_little(
    make_site: Callable[..., Office], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sse, "STALLED_S", _STALLED_S)
    office = make_site({"text": _LONG}, stalled_s=_STALLED_S)
    calm = office.site.agent(office.organization_id)
    sessions, calm_session = _sessions(office, _STALLED), office.session("calm", agentId=calm.id)
    # Caches and the runs themselves take memory whoever reads; what counts is what readers add that take nothing.
    # Twice, because only the second question has an answer of 200 kB before it, as the third has.
    _read_all(office, sessions)
    _read_all(office, sessions)
    office.ask(calm_session, "warm")
    before_mb, idle = _memory_mb(), _descriptors()
    with contextlib.ExitStack() as stack:
        connections = [
            stack.enter_context(contextlib.closing(stalled(office, session, "Tell me all"))) for session in sessions
        ]
        _wait_for_ends(office, sessions)
        waits, grown_mb = [], 0.0
        for number in range(20):
            asked = time.monotonic()
            assert office.ask(calm_session, f"Question {number}")[-1]["fullText"] == f"Question {number}"
            waits.append(time.monotonic() - asked)
            grown_mb = max(grown_mb, _memory_mb() - before_mb)
        assert sorted(waits)[-2] < _ANSWER_S_MAX, waits
        assert grown_mb < _GROWTH_MB_MAX
        # Each is let go within the time for stalled readers and a little more, and the rest of its answer with it.
        _wait_for_descriptors(idle + _STALLED)
        for connection in connections:
            connection.settimeout(5)
            assert _read_out(connection) < 2 * len(_LONG)
    for session in sessions[:: _STALLED // 5]:
        messages = office.api.get("/api/v1/chat/messages", params=pair(session)).json()["messages"]
        assert messages[-1]["text"] == _LONG


def _wait_for_ends(office: Office, sessions: list[Any]) -> None:
    """Return when every question is answered in the store, whoever reads."""

    async def ends() -> None:
        for session in sessions:
            run = None
            while run is None or not run.is_final:
                await asyncio.sleep(0.01)
                run = await office.platform.runs.find_resumable(
                    office.organization_id, conversation_id=session["threadId"]
                )

    office.site.run(asyncio.wait_for(ends(), 20))


def _read_out(connection: socket.socket) -> int:
    """Return how many bytes still come until the server's end of the connection."""
    size = 0
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65_536):
            size += len(piece)
    return size


class GatheringProxy:
    """A proxy that passes nothing on before it has so many bytes, or everything."""

    def __init__(self, port: int, *, gathers: int) -> None:
        self._upstream, self._gathers = port, gathers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._upstream)) as server:
            threading.Thread(target=_copy, args=(client, server), daemon=True).start()
            held = b""
            while piece := server.recv(65_536):
                held += piece
                if len(held) >= self._gathers:
                    client.sendall(held)
                    held = b""
            client.sendall(held)

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)


@pytest.mark.parametrize("gathers", [1, 4_096, 1 << 30], ids=["not at all", "4 KiB", "all"])
def test_a_stream_comes_whole_through_a_proxy_that_gathers(make_office: Callable[..., Office], gathers: int) -> None:
    office = make_office(model="scripted/tokens?count=200&delay_ms=1")
    session = office.session()
    proxy = GatheringProxy(_port(office), gathers=gathers)
    headers = {"Authorization": f"Bearer {office.key}", "Connection": "close"}
    with contextlib.closing(proxy), httpx2.Client(base_url=proxy.url, headers=headers, timeout=20) as client:
        answer = client.post("/api/chat/agent", json={**pair(session), "prompt": "Go"})
    shown = list(events_of(answer.text))
    assert "".join(event["delta"] for event in shown if event["type"] == "text-delta") == shown[-1]["fullText"]
    assert len(shown[-1]["fullText"].split()) == 200


def test_headers_ask_proxies_to_pass_the_stream_on_as_it_is(office: Office) -> None:
    answer = office.api.post("/api/chat/agent", json={**pair(office.session()), "prompt": "Hello"})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    assert {"no-cache", "no-transform"} <= set(re.split(r",\s*", answer.headers["cache-control"]))
    assert "content-length" not in answer.headers


def test_two_readers_cut_at_every_event_get_the_rest_once(make_office: Callable[..., Office]) -> None:
    office = make_office({"text": _TEXT, "tool_calls": [{"name": "look"}]}, {"text": "Done."})
    session = office.session()
    first = office.api.post("/api/chat/agent", json={**pair(session), "prompt": "Go"})
    whole, run_id = told(first.text), first.headers["run-id"]
    assert whole.is_whole

    def again(last: int) -> Told:
        headers = {"Last-Event-ID": str(last), "run-id": run_id}
        answer = office.api.post("/api/chat/agent", json={**pair(session), "prompt": "Go"}, headers=headers)
        assert answer.headers["run-id"] == run_id
        return told(answer.text)

    with ThreadPoolExecutor(2) as readers:
        for count in range(1, len(whole.numbers) + 1):
            for rest in readers.map(again, [whole.numbers[count - 1]] * 2):
                assert rest.is_whole
                assert rest.events == whole.events[count:]


def test_a_browser_that_reconnects_without_end_sees_each_event_once(make_office: Callable[..., Office]) -> None:
    office = make_office(model="scripted/tokens?count=40&delay_ms=10")
    session = office.session()
    raws: list[str] = []
    headers: dict[str, str] = {}
    while not (seen := told("".join(raws))).is_whole:
        assert len(raws) < 100
        if seen.numbers:
            headers["Last-Event-ID"] = str(seen.numbers[-1])
        with office.api.stream(
            "POST", "/api/chat/agent", json={**pair(session), "prompt": "Go"}, headers=headers
        ) as answer:
            headers["run-id"] = answer.headers["run-id"]
            raws.append(_some_events(answer))
    assert seen.numbers == sorted(set(seen.numbers))
    assert seen.text == seen.events[-1]["fullText"]
    assert len(seen.text.split()) == 40


def _some_events(answer: httpx2.Response) -> str:
    """Return the first three complete events of what comes, or fewer at the end."""
    raw = ""
    for chunk in answer.iter_text():
        raw += chunk
        if raw.count("\n\n") >= 3:
            break
    return raw[: raw.rfind("\n\n") + 2]
