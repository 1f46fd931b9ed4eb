"""Framing, heartbeats, and readers that leave or take nothing."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncGenerator, Iterator

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from tests.contracts.serving import serve
from trivium.contracts.sse import EventStream, event, last_event_id

pytestmark = pytest.mark.server
closed = {"left": threading.Event(), "flood": threading.Event()}


@given(text=st.text(), seq=st.none() | st.integers(0, 2**53))
def test_any_text_is_one_event_of_one_data_line(text: str, seq: int | None) -> None:
    raw = event({"token": text}, seq=seq).decode()
    head, data, *rest = raw.split("\n") if seq is not None else ["", *raw.split("\n")]
    assert (head, rest) == ("" if seq is None else f"id: {seq}", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == {"token": text}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", (None, 7)),
        ("run_1:12", ("run_1", 12)),
        ("", (None, None)),
        ("abc", (None, None)),
        ("run_1:x", (None, None)),
        ("-1", (None, None)),
        ("²", (None, None)),
    ],
)
def test_last_event_id_names_a_position(value: str, expected: tuple[str | None, int | None]) -> None:
    assert last_event_id({"last-event-id": value}) == expected


def _text(item: str) -> bytes:
    return event(item)


async def _quiet(name: str) -> AsyncGenerator[str, None]:
    try:
        yield name
        await asyncio.Event().wait()
    finally:
        closed[name].set()


async def _burst(count: int) -> AsyncGenerator[str, None]:
    for number in range(count):
        yield f"{number}"


async def _flood(counts: list[int]) -> AsyncGenerator[str, None]:
    try:
        while True:
            counts[0] += 1
            yield "x" * 1000
            await asyncio.sleep(0)
    finally:
        closed["flood"].set()


flooded = [0]


async def _serve_quiet(request: Request) -> EventStream:
    return EventStream(_quiet(request.query_params["name"]), _text, heartbeat_s=0.2)


async def _serve_burst(_request: Request) -> EventStream:
    return EventStream(_burst(1000), _text, ending=b"data: [DONE]\n\n")


async def _serve_flood(_request: Request) -> EventStream:
    return EventStream(_flood(flooded), _text, heartbeat_s=0.2, stalled_s=1.0)


app = Starlette(
    routes=[Route("/quiet", _serve_quiet), Route("/burst", _serve_burst), Route("/flood", _serve_flood)],
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with serve(app) as url:
        yield url


def test_every_event_arrives_in_order_and_then_the_ending(address: str) -> None:
    body = httpx2.get(f"{address}/burst").text
    assert body == "".join(f'data: "{n}"\n\n' for n in range(1000)) + "data: [DONE]\n\n"


def test_a_quiet_stream_is_kept_alive_and_closed_when_the_reader_leaves(address: str) -> None:
    with httpx2.stream("GET", f"{address}/quiet?name=left") as response:
        lines = response.iter_lines()
        seen = [next(lines) for _ in range(6)]
    assert seen == ['data: "left"', "", ": ping", "", ": ping", ""]
    assert closed["left"].wait(20)


def test_a_reader_that_takes_nothing_neither_fills_memory_nor_stays(address: str) -> None:
    host, port = address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b"GET /flood HTTP/1.1\r\nHost: x\r\n\r\n")
        assert closed["flood"].wait(20)
    assert flooded[0] < 20_000
