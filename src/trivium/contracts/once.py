"""`Idempotency-Key`: a POST that is sent again with the same key gets the answer it got, for a day."""

import hashlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from trivium.core.errors import Conflict, InvalidRequest
from trivium.core.model.access import KEY_PREFIXES
from trivium.core.model.requests import OnceRequest
from trivium.core.platform import Platform

Handler: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]
HEADER = "idempotency-key"
_KEY_LENGTH_MAX = 200
_BODY_MAX = 1_000_000
# Answers that say "not now" or "not you" are not the answer to the request.
_NOT_KEPT = frozenset({401, 403, 408, 409, 413, 423, 425, 429})
_CREDENTIALS = ("authorization", "x-wabee-access", "x-api-key")
_STREAM = "text/event-stream"
_OWNER = "idempotency"


async def answered_once(request: Request, handler: Handler) -> Response:
    """Return the handler's answer, or the one that was kept for this key, credential and path.

    Conflict when the key was used with another body, or is being answered for more than ten seconds. A stream is taken
    up again from its beginning.
    """
    platform: Platform | None = getattr(request.app.state, "platform", None)
    key = request.headers[HEADER].strip()
    credential = _credential(request.headers)
    is_form = request.headers.get("content-type", "").lower().startswith("multipart/")
    if platform is None or not credential or is_form:
        return await handler(request)
    if not key or len(key) > _KEY_LENGTH_MAX:
        raise InvalidRequest(f"Idempotency-Key: 1 to {_KEY_LENGTH_MAX} characters.", code="invalid_idempotency_key")
    name = f"{credential}\n{request.method} {request.url.path}?{request.url.query}\n{key}"
    fingerprint = hashlib.sha256(await request.body()).hexdigest()
    try:
        once, claim = await platform.once.claim(_OWNER, name, fingerprint=fingerprint)
    except Conflict as error:
        if error.code != "name_reused":
            raise
        raise Conflict("This Idempotency-Key was used with another body.", code="idempotency_key_reused") from error
    if claim == "answered":
        return await _again(request, platform, once, handler)
    # The same for every try of this request, so a run that a crash left behind is found and not begun again.
    request.state.run_id = f"run_{int(once.created_at.timestamp() * 1000):011x}{once.id[:20]}"
    try:
        response = await handler(request)
    except BaseException:
        await platform.once.release(once)
        raise
    await _keep(platform, once, response)
    return response


async def _keep(platform: Platform, once: OnceRequest, response: Response) -> None:
    headers = {name: response.headers[name] for name in response.headers if name not in ("content-length", "date")}
    body = bytes(response.body) if hasattr(response, "body") else b""
    is_stream = response.headers.get("content-type", "").startswith(_STREAM)
    # An answer that shows a secret once says so, and is not written down.
    is_secret = response.headers.get("cache-control", "") == "no-store"
    is_fit = response.status_code < 500 and response.status_code not in _NOT_KEPT and len(body) <= _BODY_MAX
    is_kept = is_fit and not is_secret
    if not is_kept or (is_stream and "run-id" not in headers):
        await platform.once.release(once)
        return
    try:
        text = body.decode()
    except UnicodeDecodeError:
        await platform.once.release(once)
        return
    await platform.once.answer(once, status=response.status_code, headers=headers, body=text)


async def _again(request: Request, platform: Platform, once: OnceRequest, handler: Handler) -> Response:
    token = request.headers.get("x-wabee-access") or request.headers.get("x-api-key") or ""
    token = token or request.headers.get("authorization", "").partition(" ")[2].strip()
    if token.startswith(tuple(KEY_PREFIXES.values())):
        # A key that was revoked in the meantime reads nothing any more.
        await platform.access.authenticate(token)
    if once.headers.get("content-type", "").startswith(_STREAM):
        if "last-event-id" not in request.headers:
            position = f"{once.headers['run-id']}:0".encode()
            request.scope["headers"] = [*request.scope["headers"], (b"last-event-id", position)]
        return await handler(type(request)(request.scope, _told_again(await request.body(), request.receive)))
    headers = {**once.headers, "Idempotent-Replayed": "true"}
    return Response(once.body.encode(), once.status or 200, headers)


def _told_again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body once more that was read already, and then goes on as before."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def told() -> Message:
        return waiting.pop() if waiting else await receive()

    return told


def _credential(headers: Headers) -> str:
    """Return a hash of what the caller shows, which tells callers apart; empty for who shows nothing."""
    given = "\n".join(headers.get(name, "") for name in _CREDENTIALS)
    return hashlib.sha256(given.encode("latin-1", "replace")).hexdigest() if given.strip() else ""
