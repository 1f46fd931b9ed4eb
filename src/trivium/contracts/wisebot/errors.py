"""The error body of this contract: `error` and `message` are texts, `code` is stable (section 1.1)."""

import re
from http import HTTPStatus

from starlette.datastructures import Headers

from trivium.contracts.http import Failure
from trivium.contracts.wisebot.names import camel_place
from trivium.core.errors import NotFound

# The contract's own nouns for what the core calls otherwise.
_NOUNS = {
    "document": "knowledge file",
    "workflow": "workflow",
    "workflow_run": "run",
    "step": "step",
    "key": "API key",
    "visitor_pass": "session",
    "device_request": "request",
}
_OWN_KEY, _OTHER_KEY = "bearer wb_live_", "bearer wpk_"
_OWN_PATHS = re.compile(
    r"/workflows/trigger$|/api/chat/agent$|/api/auth/(login|logout)$|/files/"
    r"|/api/v1/(status|me|device|activity|agents|api-keys|webhooks|knowledge-files|flows?|runs|bookings|forms|inbox|chat|playground"
    r"|agent-runs|deliveries)(/|$)"
)


def render(failure: Failure) -> tuple[int, object]:
    """Return status and body. 422 is not used: what does not fit a shape is 400."""
    status = 400 if failure.kind == "validation" else failure.status
    body: dict[str, object] = {
        "error": HTTPStatus(status).phrase,
        "message": _message(failure),
        "code": _code(failure, status),
    }
    if failure.details:
        body["details"] = _details(failure)
    return status, body


def owns(path: str, headers: Headers) -> bool:
    """True for the paths of this contract; on the shared prefix a key of another contract decides otherwise."""
    if headers.get("authorization", "").lower().startswith(_OTHER_KEY):
        return False
    return _OWN_PATHS.match(path) is not None


def owns_unclaimed(path: str, headers: Headers) -> bool:
    """True for what no contract serves below the shared prefixes, when a key of this contract asks for it."""
    is_ours = headers.get("authorization", "").lower().startswith(_OWN_KEY)
    return is_ours and path.startswith(("/api/", "/workflows/"))


def _code(failure: Failure, status: int) -> str:
    if status == 401:
        return "unauthorized"
    return "invalid_request" if failure.kind == "validation" else failure.code


def _details(failure: Failure) -> object:
    place = failure.details.get("place")
    if isinstance(place, str):
        details = {**failure.details, "place": camel_place(place)}
        # The field of a step; the settings of tools and forms keep their own spelling.
        if isinstance(field := details.get("field"), str):
            details["field"] = camel_place(field)
        return details
    return failure.details


def _message(failure: Failure) -> str:
    error = failure.error
    if isinstance(error, NotFound):
        noun = _NOUNS.get(error.kind, error.kind.replace("_", " "))
        return error.message.replace(error.kind, noun, 1)
    place = failure.details.get("place")
    if isinstance(place, str):
        return failure.message.replace(place, camel_place(place), 1)
    return failure.message
