"""Everything the client raises.

TriviumError
  MissingConfiguration   no key, no address, or a key that cannot do this
  ConnectionFailed       no answer came
    TimedOut             … in time
  StreamBroken           a stream was cut and could not be resumed
  RunFailed              the stream told that the run failed
  InvalidAnswer          an answer that is not what the contract says
  WebhookInvalid         a signature that does not match, or is too old
  ApiError               the server said no: .status .code .message .details .request_id
    BadRequest 400, 415, 422 · NotAuthenticated 401 · NotPermitted 403 · NotFound 404 · Conflict 409, 412 · Gone 410
    TooLarge 413 · RateLimited 429 · ServerFailed 5xx
"""

import json
from collections.abc import Mapping
from typing import TypeAlias, cast

Details: TypeAlias = "Mapping[str, object] | list[object] | None"

__all__ = [
    "ApiError",
    "BadRequest",
    "Conflict",
    "ConnectionFailed",
    "Gone",
    "InvalidAnswer",
    "MissingConfiguration",
    "NotAuthenticated",
    "NotFound",
    "NotPermitted",
    "RateLimited",
    "RunFailed",
    "ServerFailed",
    "StreamBroken",
    "TimedOut",
    "TooLarge",
    "TriviumError",
    "WebhookInvalid",
    "error_from_answer",
]


class TriviumError(Exception):
    """The root of all errors of this client."""

    request_id: str | None = None


class MissingConfiguration(TriviumError, ValueError):
    """A key or an address is missing, or the key given cannot be used for this call. Nothing was sent."""


class ConnectionFailed(TriviumError):
    """No answer came, after all retries."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class TimedOut(ConnectionFailed):
    """No answer came in time, after all retries."""


class StreamBroken(ConnectionFailed):
    """A stream was cut and could not be resumed; `last_event_id` says how far it was read."""

    def __init__(self, message: str, *, request_id: str | None = None, last_event_id: str | None = None) -> None:
        super().__init__(message, request_id=request_id)
        self.last_event_id = last_event_id


class RunFailed(TriviumError):
    """The stream was read to its end, and its end says that the run failed."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class InvalidAnswer(TriviumError):
    """The server answered something that is not what its contract says."""

    def __init__(self, message: str, *, request_id: str | None = None) -> None:
        super().__init__(message)
        self.request_id = request_id


class WebhookInvalid(TriviumError):
    """A webhook whose signature does not match, whose time is too far away, or that lacks a header."""


class ApiError(TriviumError):
    """The server answered with a failure.

    `code` is stable and fit for comparisons; it is `http_<status>` where the answer names none.
    `retry_after_s` is what the server asks to wait, where it asks.
    """

    def __init__(
        self,
        status: int,
        code: str | None = None,
        message: str | None = None,
        details: Details = None,
        *,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        self.status = status
        self.code = code or f"http_{status}"
        self.message = message or f"Request failed with status {status}"
        self.details = details
        self.request_id = request_id
        self.retry_after_s = retry_after_s
        super().__init__(f"API error {self.status} [{self.code}]: {self.message}")


class BadRequest(ApiError):
    """The request is not what the contract allows; `details` names the place."""


class NotAuthenticated(ApiError):
    """No key, or one that is unknown, expired, revoked, or of the wrong kind."""


class NotPermitted(ApiError):
    """The key is valid and may not do this."""


class NotFound(ApiError):
    """There is no such thing, or not for this key."""


class Conflict(ApiError):
    """The state has moved, or is not one in which this can be done."""


class Gone(ApiError):
    """It was there and has expired."""


class TooLarge(ApiError):
    """The body is larger than the server takes."""


class RateLimited(ApiError):
    """Too many requests, or a quota is used up; see `retry_after_s`."""


class ServerFailed(ApiError):
    """The server failed, or something behind it did."""


_KINDS: dict[int, type[ApiError]] = {
    400: BadRequest,
    401: NotAuthenticated,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    410: Gone,
    412: Conflict,
    413: TooLarge,
    415: BadRequest,
    422: BadRequest,
    429: RateLimited,
}


def error_from_answer(
    status: int, content: bytes, *, request_id: str | None, retry_after_s: float | None = None
) -> ApiError:
    """Return the error for a failed answer, whichever of the envelopes its body has; never raises.

    WizChat: `{"error": {code, message, details}}`; Wisebot: `{"error": text, message, code}`; Wabee:
    `{"body": text, status_code, details, …}`, where `message` is only the status in words; OAuth: `{"error": code,
    "error_description": text}`.
    """
    body = _envelope(content)
    kind = _KINDS.get(status) or (ServerFailed if status >= 500 else ApiError)
    return kind(
        status,
        code=_first_text(body, "code", *(["error"] if "error_description" in body else [])),
        message=_first_text(body, "error_description", "body", "detail", "message", "error", "title"),
        details=_details(body.get("details")),
        request_id=request_id,
        retry_after_s=retry_after_s,
    )


def _envelope(content: bytes) -> Mapping[str, object]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    if not isinstance(body, dict):
        return {}
    inner = body.get("error")
    return cast("Mapping[str, object]", inner if isinstance(inner, dict) else body)


def _first_text(body: Mapping[str, object], *names: str) -> str | None:
    found = (body.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), None)


def _details(value: object) -> Details:
    return value if isinstance(value, dict | list) else None
