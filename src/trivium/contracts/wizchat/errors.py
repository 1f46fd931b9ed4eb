"""The contract's error envelope, the one that OAuth clients expect, and the data plane's."""

from typing import Any, cast

from starlette.datastructures import Headers

from trivium.contracts.http import Dialect, Failure
from trivium.contracts.wizchat import wire
from trivium.contracts.wizchat.names import scope_into_wire
from trivium.core.errors import CoreError, NotFound

_PATHS = ("/api/v1/chatbots", "/api/v1/usage", "/api/v1/oauth", "/api/v1/openapi.json")
_NOUNS = {
    "agent": "Chatbot",
    "collection": "Scope",
    "mcp_server": "MCP server",
    "oauth_client": "OAuth client",
    "revision": "Revision",
}
_CODES = {
    "missing_credential": "unauthorized",
    "invalid_key": "invalid_api_key",
    "revoked_key": "invalid_api_key",
    "expired_key": "invalid_api_key",
    "wrong_credential": "invalid_api_key",
    "invalid_token": "unauthorized",
    "expired_token": "unauthorized",
    "missing_scope": "insufficient_scope",
    "role_too_low": "insufficient_scope",
    "agent_not_allowed": "chatbot_not_in_key_scope",
    "rate_limited": "rate_limited",
    "quota_exceeded": "quota_exceeded",
    "not_implemented": "not_implemented",
    "external_api_off": "forbidden",
}
_CODE_BY_STATUS = {
    400: "bad_request",
    401: "unauthorized",
    403: "insufficient_scope",
    404: "not_found",
    405: "bad_request",
    409: "conflict",
    410: "not_found",
    412: "precondition_failed",
    413: "bad_request",
    415: "bad_request",
    429: "rate_limited",
    501: "not_implemented",
}
# RFC 6749, section 5.2.
_OAUTH_CODES = {"invalid_client", "invalid_grant", "invalid_scope", "unauthorized_client", "unsupported_grant_type"}


def render(failure: Failure) -> tuple[int, object]:
    """Return status and envelope. What does not fit a shape is 400: 422 belongs to partly done applies."""
    status = 400 if failure.kind == "validation" else failure.status
    code = _CODES.get(failure.code) or _CODE_BY_STATUS.get(status, "internal_error")
    error: dict[str, Any] = {"code": code, "message": _message(failure)}
    if details := _details(failure, code):
        error["details"] = details
    return status, {"error": error}


def render_oauth(failure: Failure) -> tuple[int, object]:
    """Return status and the flat form of RFC 6749."""
    status = 400 if failure.kind == "validation" else failure.status
    code = failure.code if failure.code in _OAUTH_CODES else "invalid_request" if status < 500 else "server_error"
    return status, {"error": code, "error_description": _message(failure)}


def _message(failure: Failure) -> str:
    error = failure.error
    if isinstance(error, NotFound):
        return f"{_NOUNS.get(error.kind, error.kind.replace('_', ' ').capitalize())} not found."
    if failure.code == "missing_scope":
        return f"Key lacks required scope: {scope_into_wire(str(failure.details.get('scope')))}"
    if failure.code == "invalid_scope" and "scope" in failure.details:
        return f"The client may not ask for {scope_into_wire(str(failure.details['scope']))}."
    if failure.code == "agent_not_allowed":
        return "This key is restricted to other chatbots."
    return wire.plain_message(error) if isinstance(error, CoreError) else failure.message


def _details(failure: Failure, code: str) -> dict[str, Any]:
    details = failure.details
    if failure.kind == "validation":
        return {"errors": details.get("errors", [])}
    if "scope" in details and code == "insufficient_scope":
        return {"requiredScope": scope_into_wire(str(details["scope"]))}
    if failure.kind != "core" or failure.status in (401, 404):
        return {}
    if code == "chatbot_not_in_key_scope":
        return {"chatbotId": details["agent_id"]} if "agent_id" in details else {}
    shown = {
        name: value for name, value in details.items() if name not in ("section", "index", "field", "key", "scope")
    }
    if place := wire.place_of(details):
        shown["path"] = place
    if failure.code != code:
        shown["reason"] = failure.code
    return shown


def _owns(path: str, headers: Headers) -> bool:
    if path.startswith(_PATHS):
        return True
    return path.startswith("/api/v1/") and headers.get("authorization", "").startswith("Bearer wpk_")


def _owns_oauth(path: str, headers: Headers) -> bool:
    return path == "/oauth/token"


def render_query(failure: Failure) -> tuple[int, object]:
    """Return status and the data plane's envelope: codes in capitals."""
    status, body = render(failure)
    error = cast(dict[str, dict[str, Any]], body)["error"]
    code = {"invalid_api_key": "unauthorized", "insufficient_scope": "forbidden"}.get(error["code"], error["code"])
    return status, {"error": {"code": str(code).upper(), "message": error["message"]}}


def _owns_query(path: str, headers: Headers) -> bool:
    return path.startswith("/v1/chatbots/")


DIALECTS = (
    Dialect(name="wizchat-query", owns=_owns_query, render=render_query),
    Dialect(name="wizchat-oauth", owns=_owns_oauth, render=render_oauth),
    Dialect(name="wizchat", owns=_owns, render=render),
)
