"""Holds every answer of a server against what its own OpenAPI documents say."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from trivium.contracts import openapi, wabee, wisebot, wizchat
from trivium.contracts.wizchat import new_api
from trivium.contracts.wizchat.description import describe

Operation = tuple[str, str]
_NAMED = re.compile(r"{\w+}")


def documents_of(app: Starlette) -> list[dict[str, Any]]:
    """Return the application's documents: the server's own and the one of the management API."""
    parts = [wabee.described(), wisebot.described(), wizchat.described()]
    own = openapi.describe(app.router.routes, parts=parts, title="Trivium", version="test")
    return [own, describe(new_api(app.state.platform)[0])]


class Honesty:
    """What was answered otherwise than described (`problems`), and which operations have succeeded (`seen`).

    Descriptions leave room for fields of later versions; here they are closed, so that a field which nobody
    described is a problem, too.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.seen: set[Operation] = set()
        self._documents: list[dict[str, Any]] = []
        self._paths: list[tuple[re.Pattern[str], str, dict[str, Any], int]] = []
        self._validators: dict[str, Any] = {}

    def learn(self, documents: list[dict[str, Any]]) -> None:
        """Read the documents; the first time counts."""
        if self._documents:
            return
        self._documents = [json.loads(json.dumps(document), object_hook=_closed) for document in documents]
        for number, document in enumerate(self._documents):
            for path, operations in document["paths"].items():
                pattern = re.compile("".join(_pieces(path)))
                self._paths.append((pattern, path, operations, number))
        self._paths.sort(key=lambda one: len(_NAMED.findall(one[1])))

    def operations(self) -> set[Operation]:
        """Return every operation that is described, by method and path."""
        return {(method.upper(), path) for _, path, operations, _ in self._paths for method in operations}

    def check(self, method: str, path: str, status: int, media_type: str, body: bytes) -> None:
        """Note what is wrong with an answer."""
        for pattern, template, operations, number in self._paths:
            operation = operations.get(method.lower())
            if operation is not None and pattern.fullmatch(path):
                if status < 400:
                    self.seen.add((method, template))
                where = f"{method} {template} {status}"
                responses = operation["responses"]
                response = responses.get(str(status), responses["default"] if status >= 400 else None)
                self.problems += [f"{where}: {text}" for text in self._wrong(response, number, media_type, body)]
                return

    def _wrong(self, response: dict[str, Any] | None, number: int, media_type: str, body: bytes) -> Iterator[str]:
        if response is None:
            yield "this status is not described"
            return
        content = response.get("content", {})
        if not content:
            if body:
                yield "no body is described"
            return
        if "*/*" in content:
            return
        if media_type not in content:
            yield f"{media_type or 'no body'} is not described"
            return
        schema = content[media_type]["schema"]
        for value in _values(media_type, body):
            for error in self._validator(schema, number).iter_errors(value):
                yield f"{error.instance_path}: {error.message[:500]}"

    def _validator(self, schema: dict[str, Any], number: int) -> Any:
        key = json.dumps([number, schema])
        if key not in self._validators:
            whole = {**schema, "components": self._documents[number]["components"]}
            self._validators[key] = jsonschema_rs.Draft202012Validator(whole)
        return self._validators[key]


HONESTY = Honesty()


def watched(app: Starlette, note: Callable[..., None] = HONESTY.check) -> ASGIApp:
    """Return the application with every answer noted."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        start: dict[str, Any] = {}
        pieces: list[bytes] = []

        async def send_noted(message: Message) -> None:
            start.update(message if message["type"] == "http.response.start" else {})
            pieces.append(message.get("body", b""))
            if start and message["type"] == "http.response.body" and not message.get("more_body"):
                tell()
            await send(message)

        def tell() -> None:
            media_type = dict(start["headers"]).get(b"content-type", b"").decode().partition(";")[0]
            note(scope["method"], scope["path"], start["status"], media_type, b"".join(pieces))
            start.clear()

        try:
            await app(scope, receive, send_noted)
        finally:
            if start:
                tell()  # A stream that its reader left.

    return serve


def _values(media_type: str, body: bytes) -> Iterator[Any]:
    if media_type != "text/event-stream":
        yield json.loads(body)
        return
    *finished, _ = body.split(b"\n")
    for line in finished:
        if line.startswith(b"data: ") and line != b"data: [DONE]":
            yield json.loads(line.removeprefix(b"data: "))


def _pieces(path: str) -> Iterator[str]:
    """Yield the parts of a regular expression; only the name of an agent's file may hold slashes."""
    for part in re.split(r"({\w+})", path):
        is_name = _NAMED.fullmatch(part) is not None
        yield (".+" if part == "{path}" else "[^/]+") if is_name else re.escape(part)


def _closed(value: dict[str, Any]) -> dict[str, Any]:
    is_plain = value.get("type") == "object" and isinstance(value.get("properties"), dict)
    return {**value, "additionalProperties": False} if is_plain and "additionalProperties" not in value else value
