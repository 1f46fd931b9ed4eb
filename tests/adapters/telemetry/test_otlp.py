"""A server that sends its traces to a real receiver."""

import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.contracts.site import Site, open_site
from tests.contracts.wabee.client import wabee

MARKER = "a-text-nobody-else-may-read"


class Receiver:
    """An OTLP/HTTP receiver that keeps what it is given."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.paths: set[str] = set()
        self.came = threading.Event()

    def spans(self) -> list:
        """Return every span that came."""
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for one in requests
            for resource in one.resource_spans
            for s in resource.scope_spans
            for span in s.spans
        ]


@pytest.fixture
def receiver() -> Iterator[tuple[str, Receiver]]:
    kept = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            kept.paths.add(self.path)
            kept.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            kept.came.set()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", kept
    server.shutdown()
    thread.join(5)
    server.server_close()


def ask(site: Site) -> None:
    with wabee(site) as plant:
        answer = plant.ask(MARKER)
        assert answer.status_code == 200, answer.text


@pytest.mark.server
@pytest.mark.parametrize("with_content", [False, True])
def test_a_run_arrives_as_spans(tmp_path: Path, receiver: tuple[str, Receiver], with_content: bool) -> None:
    url, kept = receiver
    with open_site(tmp_path, otel_endpoint=url, otel_content=with_content) as site:
        ask(site)
        assert kept.came.wait(15)
    spans = {span.name: span for span in kept.spans()}
    root, chat = spans["invoke_agent"], spans["chat echo"]
    assert kept.paths == {"/v1/traces"}
    assert (chat.trace_id, chat.parent_span_id) == (root.trace_id, root.span_id)
    attributes = {one.key: one.value for one in chat.attributes}
    assert attributes["gen_ai.operation.name"].string_value == "chat"
    assert attributes["gen_ai.request.model"].string_value == "echo"
    assert attributes["gen_ai.usage.output_tokens"].int_value > 0
    assert 0 < chat.end_time_unix_nano - chat.start_time_unix_nano < 30_000_000_000
    assert (MARKER.encode() in b"".join(kept.bodies)) is with_content


@pytest.mark.server
def test_no_receiver_holds_no_run(tmp_path: Path) -> None:
    with open_site(tmp_path, otel_endpoint="http://127.0.0.1:1") as site:
        began = time.monotonic()
        ask(site)
        assert time.monotonic() - began < 5
