"""The one error body of this contract, for every failure."""

from http import HTTPStatus

from trivium.contracts.http import Failure
from trivium.core.errors import NotFound

# The contract's own nouns for what the core calls otherwise.
_NOUNS = {"conversation": "session", "sub_agent": "sub-agent", "run": "request"}


def render(failure: Failure) -> tuple[int, object]:
    """Return status and body: `body`, `status_code`, `details`, and the three names that the Go client decodes."""
    message = _message(failure)
    details: object = failure.details or None
    if failure.kind == "validation":
        details = failure.details.get("errors")
    elif failure.kind == "core":
        details = {"error": failure.code, **failure.details}
    return failure.status, {
        "body": message,
        "status_code": failure.status,
        "details": details,
        "code": failure.status,
        "message": HTTPStatus(failure.status).phrase,
        "detail": message,
    }


def _message(failure: Failure) -> str:
    error = failure.error
    if isinstance(error, NotFound) and error.kind in _NOUNS:
        return error.message.replace(error.kind, _NOUNS[error.kind], 1)
    return failure.message
