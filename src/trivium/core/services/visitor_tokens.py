"""Tokens that an agent's owner signs for their visitors: JSON Web Tokens with HS256 (RFC 7519), nothing else."""

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime

from trivium.core.errors import NotPermitted
from trivium.core.model.json import JSON, JSONObject

_LENGTH_MAX = 8192


def read_visitor_token(token: str, secret: str, now: datetime) -> JSONObject:
    """Return the claims of a token signed with this secret; NotPermitted (`visitor_refused`) for any other.

    `exp` and `nbf` are honoured where they stand. The algorithm is ours to say, never the token's.
    """
    parts = token.split(".")
    if len(parts) != 3 or len(token) > _LENGTH_MAX:
        raise _refused()
    expected = hmac.new(secret.encode("utf-8", "surrogatepass"), ".".join(parts[:2]).encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(expected, _bytes(parts[2])):
        raise _refused()
    header, claims = _object(parts[0]), _object(parts[1])
    at = now.timestamp()
    if header.get("alg") != "HS256" or at >= _time(claims, "exp", at + 1) or at < _time(claims, "nbf", at):
        raise _refused()
    return claims


def _time(claims: JSONObject, name: str, default: float) -> float:
    value = claims.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refused()
    try:
        return float(value)
    except OverflowError as error:
        raise _refused() from error


def _object(part: str) -> JSONObject:
    try:
        value: JSON = json.loads(_bytes(part))
    except (ValueError, RecursionError) as error:
        raise _refused() from error
    if not isinstance(value, dict):
        raise _refused()
    return value


def _bytes(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise _refused() from error


def _refused() -> NotPermitted:
    return NotPermitted("The visitor's token is not good.", code="visitor_refused")
