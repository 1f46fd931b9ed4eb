"""Events in, callbacks out (section 3.3), held against the cloudevents library and a real receiver."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from tests.contracts.site import Site, open_site
from tests.contracts.wabee.client import Wabee, wabee
from tests.contracts.wabee.test_access import check_envelope

pytestmark = pytest.mark.server


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it gets, and answers with the next of the statuses a test has laid out, else 204."""

    received: ClassVar[list[tuple[dict[str, str], dict[str, Any]]]] = []
    statuses: ClassVar[list[int]] = []
    arrived: ClassVar[threading.Semaphore] = threading.Semaphore(0)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.received.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.statuses.pop(0) if self.statuses else 204)
        self.end_headers()
        self.arrived.release()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def receiver() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def calling_site(tmp_path_factory: pytest.TempPathFactory, receiver: str) -> Iterator[Site]:
    """A server that may call the receiver, although its address is private."""
    folder: Path = tmp_path_factory.mktemp("async")
    with open_site(folder, outbound_allow=(receiver,)) as site:
        yield site


@pytest.fixture
def plant(calling_site: Site) -> Iterator[Wabee]:
    Receiver.received.clear()
    Receiver.statuses.clear()
    with wabee(calling_site, {"text": "Plant 7 missed it."}) as opened:
        yield opened


def event(number: int = 1, *, callback: str | None = None, **changes: Any) -> dict[str, Any]:
    data: dict[str, Any] = {"messages": [{"content": "Which plant?", "role": "user"}]}
    if callback is not None:
        data["callback_url"] = f"http://{callback}/done"
    return {
        "specversion": "1.0",
        "type": "ai.wabee.agent.chain",
        "source": "https://example.org/agent",
        "id": f"A234-{number}",
        "time": "2018-04-05T17:31:00Z",
        "data": data,
        **changes,
    }


def send(plant: Wabee, body: Any, **headers: str):
    return plant.http.post("/core/v1/chain_async", json=body, headers=headers)


def test_an_event_is_acknowledged_and_answered_by_callback(plant: Wabee, receiver: str) -> None:
    sent = event(callback=receiver)
    sent["data"]["session_id"] = "s-async"
    answer = send(plant, sent)
    assert answer.status_code == 202
    assert answer.json().keys() == {"id", "status", "session_id", "request_id"}
    assert (answer.json()["id"], answer.json()["status"]) == ("A234-1", "accepted")
    assert Receiver.arrived.acquire(timeout=20)
    ((headers, body),) = Receiver.received
    assert headers["content-type"] == "application/cloudevents+json"
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= headers.keys()
    assert (body["type"], body["subject"]) == ("ai.wabee.agent.chain.response", "A234-1")
    assert body["data"] == {
        "session_id": "s-async",
        "request_id": answer.json()["request_id"],
        "status": "success",
        "error": None,
        "body": {
            "input": "Which plant?",
            "output": "Plant 7 missed it.",
            "intermediate_steps": [],
            "usage": body["data"]["body"]["usage"],
        },
    }
    assert plant.http.get("/core/v1/sessions/s-async").json()["messages"][1]["content"] == "Plant 7 missed it."


def test_the_callback_is_a_cloud_event_to_the_library(plant: Wabee, receiver: str) -> None:
    send(plant, event(callback=receiver))
    assert Receiver.arrived.acquire(timeout=20)
    headers, body = Receiver.received[0]
    read = from_http_event(HTTPMessage(headers=headers, body=json.dumps(body).encode()))
    assert (read.get_specversion(), read.get_subject()) == ("1.0", "A234-1")
    assert read.get_id() == headers["webhook-id"]


@pytest.mark.parametrize("how", ["again", "at the same moment"])
def test_the_same_event_twice_is_one_run(plant: Wabee, receiver: str, how: str) -> None:
    sent = event(7, callback=receiver)
    if how == "again":
        answers = [send(plant, sent) for _ in range(3)]
    else:
        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(lambda _: send(plant, sent), range(6)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert Receiver.arrived.acquire(timeout=20)
    assert plant.http.get("/core/v1/metrics").json()["total_requests"] == 1
    assert len(Receiver.received) == 1


def test_another_source_is_another_event(plant: Wabee) -> None:
    first = send(plant, event())
    second = send(plant, event(source="https://example.org/other"))
    assert first.json()["session_id"] != second.json()["session_id"]


@pytest.mark.parametrize("form", [to_structured_event, to_binary_event])
def test_events_of_the_library_are_taken(plant: Wabee, form: Callable[[CloudEvent], HTTPMessage]) -> None:
    sent = event(30, source="https://example.org/a b".replace(" ", "%20"), subject="größe")
    data = sent.pop("data")
    sent["time"] = datetime(2026, 1, 5, 9, tzinfo=UTC)
    message = form(CloudEvent(sent, data))
    answer = plant.http.post("/core/v1/chain_async", content=message.body, headers=message.headers)
    assert (answer.status_code, answer.json()["id"]) == (202, "A234-30")


def test_events_are_taken_in_all_three_forms(plant: Wabee) -> None:
    structured = send(plant, event(1), **{"content-type": "application/cloudevents+json; charset=utf-8"})
    sent = event(2)
    data = sent.pop("data")
    binary = send(plant, data, **{f"ce-{name}": value for name, value in sent.items()})
    untyped = event(3)
    del untyped["type"]
    assert [a.status_code for a in (structured, binary, send(plant, untyped))] == [202, 202, 202]
    assert binary.json()["id"] == "A234-2"


def test_a_failed_run_is_told_to_the_callback(calling_site: Site, receiver: str) -> None:
    Receiver.received.clear()
    turn = {"text": "half", "error": {"code": "upstream_failed", "message": "The model is down."}}
    with wabee(calling_site, turn) as plant:
        send(plant, event(callback=receiver))
        assert Receiver.arrived.acquire(timeout=20)
    data = Receiver.received[0][1]["data"]
    assert (data["status"], data["error"], data["body"]["output"]) == ("error", "The model is down.", "half")


def test_a_private_callback_is_never_called(site: Site, receiver: str) -> None:
    Receiver.received.clear()
    with wabee(site) as plant:
        run = send(plant, event(callback=receiver))
        assert run.status_code == 202
        session_id = run.json()["session_id"]
        while len(plant.http.get(f"/core/v1/sessions/{session_id}").json()["messages"]) < 2:
            pass
    assert Receiver.received == []


@pytest.mark.parametrize(
    "changes",
    [
        {"specversion": "0.3"},
        {"specversion": None},
        {"type": "com.example.other"},
        {"source": ""},
        {"source": None},
        {"id": ""},
        {"id": 5},
        {"time": "yesterday"},
        {"time": "2018-13-05T17:31:00Z"},
        {"time": None},
        {"data": None},
        {"data": {}},
        {"data": {"messages": []}},
        {"data": "text"},
        {"datacontenttype": "text/xml"},
        {"data": {"messages": [{"role": "user", "content": "x"}], "callback_url": "ftp://example.org"}},
        {"data": {"messages": [{"role": "user", "content": "x"}], "callback_url": "nonsense"}},
        {"data": {"messages": [{"role": "user", "content": "x"}], "callback_url": 5}},
    ],
)
def test_an_event_of_another_shape_is_422(plant: Wabee, changes: dict[str, Any]) -> None:
    check_envelope(send(plant, event(**changes)), 422)


def test_batches_and_missing_keys_are_refused(site: Site, plant: Wabee) -> None:
    check_envelope(send(plant, [event()]), 422)
    check_envelope(send(plant, {**event(), "data": {**event()["data"], "images": [{"type": "base64"}]}}), 400)
    with site.client() as client:
        check_envelope(client.post("/core/v1/chain_async", json=event()), 401)


def test_a_refused_event_may_be_sent_again_corrected(plant: Wabee) -> None:
    wrong = event(9)
    wrong["data"]["context_files"] = ["none.txt"]
    check_envelope(send(plant, wrong), 400)
    assert send(plant, event(9)).status_code == 202
