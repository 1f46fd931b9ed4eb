"""Every failure of HTTP takes the envelope of the contract that owns the path."""

import inspect
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import httpx2
import pytest
from pydantic import BaseModel, Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.contracts.serving import serve
from trivium.contracts import body, http
from trivium.contracts.openapi import Described, Part, describe
from trivium.contracts.routing import Router
from trivium.core import errors
from trivium.core.errors import Conflict, CoreError, LimitExceeded, NotAuthenticated, NotFound, UpstreamFailed

pytestmark = pytest.mark.server


class Note(BaseModel):
    text: str
    count: int = 0


async def _add(request: Request) -> Response:
    note = http.validate(Note, await request.json() if await request.body() else None)
    return http.json_response({"text": note.text})


async def _direct(request: Request) -> Response:
    return http.json_response({"got": await request.json(), "id": request.state.request_id})


def _layer(app: ASGIApp) -> ASGIApp:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-layer", b"passed")]
            await send(message)

        await app(scope, receive, send_told)

    return serve


async def _list(_request: Request, limit: int = 10) -> Response:
    return http.json_response({"limit": limit})


async def _get(_request: Request, note_id: str, part: Annotated[int, Field(ge=1)]) -> Response:
    return http.json_response({"note": note_id, "part": part})


async def _clear(_request: Request) -> Response:
    raise NotFound("note", "n1")


async def _raw(request: Request) -> Response:
    return http.json_response({"value": await request.json()})


async def _break(_request: Request) -> Response:
    raise RuntimeError("secret detail")


async def _limit(_request: Request) -> Response:
    raise LimitExceeded("Slow down.", retry_after_s=2.2)


def _router() -> Router:
    router = Router(prefix="/ours")
    router.add("/notes", _add, methods=["POST"], summary="Add")
    router.add("/notes", _list, methods=["GET"], summary="List")
    router.add("/notes", _clear, methods=["DELETE"])
    router.add("/notes/{note_id}", _get, methods=["GET"], summary="Read")
    router.add("/raw", _raw, methods=["POST"])
    router.add("/broken", _break, methods=["GET"])
    router.add("/wait", _limit, methods=["GET"])
    return router


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    app = Starlette(routes=[*_router().routes])

    def render(failure: http.Failure) -> tuple[int, object]:
        return failure.status, {"oops": failure.code, "text": failure.message, "fields": failure.details.get("errors")}

    ours = http.Dialect(name="ours", owns=lambda path, _: path.startswith("/ours"), render=render)
    http.install(app, [ours], direct=[http.Direct(endpoints={"/ours/direct": _direct}, layer=_layer)])
    with serve(app) as url, httpx2.Client(base_url=url) as opened:
        yield opened


def test_every_kind_of_error_has_a_status() -> None:
    kinds = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, CoreError)]
    statuses = {cls.__name__: http.status_of(cls("x")) for cls in kinds if cls is not CoreError}
    assert len(statuses) == 8
    assert all(400 <= status < 600 for status in statuses.values())


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict("x", is_precondition=True), 412),
        (LimitExceeded("x", is_size=True), 413),
        (LimitExceeded("x", code="busy"), 503),
        (UpstreamFailed("x", is_timeout=True), 504),
        (body.UnsupportedMediaType("x"), 415),
        (body.BodyTimeout("x"), 408),
    ],
)
def test_what_the_error_carries_refines_its_status(error: CoreError, status: int) -> None:
    assert http.status_of(error) == status


@pytest.mark.parametrize(
    ("raw", "headers", "status", "code"),
    [
        (b"nope", {}, 400, "invalid_json"),
        (b'{"text": "a", "text": "b"}', {}, 400, "invalid_json"),
        (b'{"text": NaN}', {}, 400, "invalid_json"),
        (b"[" * 500 + b"]" * 500, {}, 400, "invalid_json"),
        (b"{}", {}, 422, "validation_failed"),
        (b"", {}, 422, "validation_failed"),
        (b'{"text": 5}', {}, 422, "validation_failed"),
        (b'{"text": "a"}', {"content-type": "text/plain"}, 415, "unsupported_media_type"),
        (b"\x00" * (body.SIZE_MAX + 1), {}, 413, "too_large"),
    ],
)
def test_a_bad_body_gets_the_owners_envelope(
    client: httpx2.Client, raw: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answer = client.post("/ours/notes", content=raw, headers={"content-type": "application/json", **headers})
    assert (answer.status_code, answer.json()["oops"]) == (status, code)
    if code == "validation_failed":
        assert answer.json()["fields"]
        assert answer.json()["fields"][0].keys() == {"field", "message", "type"}


def test_an_endpoint_gets_its_part_of_the_path_and_checked_parameters(client: httpx2.Client) -> None:
    assert client.get("/ours/notes/n1?part=2").json() == {"note": "n1", "part": 2}
    refused = client.get("/ours/notes/n1?part=0")
    assert (refused.status_code, refused.json()["fields"][0]["field"]) == (422, "query.part")
    assert client.get("/ours/notes/n1").json()["fields"][0]["type"] == "missing"


def _part(**more: Described) -> Part:
    operations = {
        "POST /notes": Described(answer=Note, status=201, body=Note),
        "GET /notes": Described(answer=list[Note]),
        "GET /notes/{note_id}": Described(answer=Note, headers={"as-of": "A day."}),
        **more,
    }
    security = {"key": {"type": "http", "scheme": "bearer"}}
    return Part(name="ours", prefixes=("/ours",), operations=operations, failure=Note, security=security)


def test_the_document_describes_what_says_what_it_is_about() -> None:
    document = describe(_router().routes, parts=[_part()], title="Ours", version="1")
    paths, note = document["paths"], document["components"]["schemas"]["ours.Note"]
    assert note["required"] == ["text"]
    assert paths.keys() == {"/ours/notes", "/ours/notes/{note_id}"}
    assert paths["/ours/notes"].keys() == {"get", "post"}
    added = paths["/ours/notes"]["post"]
    assert added["requestBody"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/ours.Note"}
    assert [*added["responses"]] == ["201", "default"]
    shown = {(one["in"], one["name"], one["required"]) for one in paths["/ours/notes/{note_id}"]["get"]["parameters"]}
    assert shown == {("path", "note_id", True), ("query", "part", True), ("header", "as-of", False)}


def test_what_is_described_and_what_is_served_are_the_same() -> None:
    routes = _router().routes
    with pytest.raises(LookupError, match="GET /ours/gone"):
        describe(routes, parts=[_part(**{"GET /gone": Described()})], title="Ours", version="1")
    with pytest.raises(LookupError, match="/ours/notes is in no"):
        describe(routes, parts=[], title="Ours", version="1")


def test_64_mib_sent_in_pieces_are_refused_and_the_connection_survives(client: httpx2.Client) -> None:
    answer = client.post("/ours/raw", content=(b" " * 65536 for _ in range(1024)))
    assert answer.status_code == 413
    assert client.post("/ours/raw", content=b"[1]").json() == {"value": [1]}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/ours/unknown", 404),
        ("GET", "/ours/notes/", 404),
        ("PUT", "/ours/notes", 405),
        ("DELETE", "/ours/notes", 404),
        ("GET", "/ours/notes?limit=abc", 422),
        ("GET", "/ours/wait", 429),
        ("GET", "/ours/%ff%00", 404),
    ],
)
def test_a_bad_request_gets_the_owners_envelope(client: httpx2.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert answer.json().keys() == {"oops", "text", "fields"}


def test_allow_names_every_method_of_a_path(client: httpx2.Client) -> None:
    assert client.put("/ours/notes").headers["allow"] == "DELETE, GET, POST"


def test_nobodys_paths_have_a_plain_envelope(client: httpx2.Client) -> None:
    assert client.get("/elsewhere").json()["error"]["code"] == "not_found"


def test_an_unexpected_error_is_logged_and_never_shown(client: httpx2.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR, logger="trivium.http"):
        answer = client.get("/ours/broken", headers={"request-id": "r-7"})
    assert (answer.status_code, answer.json()["oops"], answer.headers["x-request-id"]) == (500, "internal_error", "r-7")
    assert "secret" not in answer.text
    assert [record.__dict__["request_id"] for record in caplog.records] == ["r-7"]


def test_a_client_that_leaves_is_no_failure(client: httpx2.Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="trivium.http"):
        with _half_sent(client, b"{"):
            client.get("/ours/notes")
        deadline = time.monotonic() + 10
        while not caplog.records and time.monotonic() < deadline:
            client.get("/ours/notes")
    assert [(record.levelname, record.exc_info) for record in caplog.records] == [("INFO", None)]


def test_a_body_that_stops_coming_is_not_waited_for(client: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "PAUSE_S_MAX", 0.05)
    with _half_sent(client, b"{") as connection:
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"oops":"body_timeout"' in answer


@contextmanager
def _half_sent(client: httpx2.Client, beginning: bytes) -> Iterator[socket.socket]:
    host, port = client.base_url.host, client.base_url.port
    with socket.create_connection((host, port or 80), timeout=10) as connection:
        head = f"POST /ours/raw HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head.encode() + beginning)
        yield connection


def test_waiting_times_are_whole_seconds_rounded_up(client: httpx2.Client) -> None:
    assert client.get("/ours/wait").headers["retry-after"] == "3"


def test_every_answer_carries_a_request_id_and_security_headers(client: httpx2.Client) -> None:
    headers = client.get("/ours/notes").headers
    assert headers["x-request-id"]
    assert headers["x-content-type-options"] == "nosniff"


def test_a_declared_size_is_refused_before_the_body_is_sent(client: httpx2.Client) -> None:
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as connection:
        connection.sendall(b"POST /ours/raw HTTP/1.1\r\nHost: x\r\nContent-Length: 67108864\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_missing_credential_says_how_to_send_one() -> None:
    failure = http.failure_of(NotAuthenticated("No key."))
    assert (failure.status, failure.headers) == (401, {"WWW-Authenticate": "Bearer"})


def test_a_direct_operation_reads_and_fails_like_others(client: httpx2.Client) -> None:
    answer = client.post("/ours/direct", json={"a": 1}, headers={"request-id": "r1"})
    assert answer.json() == {"got": {"a": 1}, "id": "r1"}
    assert answer.headers["x-request-id"] == "r1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    refused = client.post("/ours/direct", content=b'{"a": 1, "a": 2}')
    assert refused.status_code == 400
    assert refused.json()["oops"] == "invalid_json"
    assert answer.headers["x-layer"] == refused.headers["x-layer"] == "passed"


def test_only_a_post_without_a_key_of_its_own_goes_direct(client: httpx2.Client) -> None:
    assert client.get("/ours/direct").status_code == 404
    assert client.post("/ours/direct", json={}, headers={"idempotency-key": "k"}).status_code == 404
