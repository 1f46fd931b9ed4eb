"""Page limits and cursors, shared by all contracts."""

import base64
import binascii

from trivium.core.errors import InvalidRequest


def clamp_limit(limit: int | None, *, default: int, maximum: int) -> int:
    """Return a page size from 1 to `maximum`; what is out of range is moved to its nearest bound."""
    return default if limit is None else max(1, min(limit, maximum))


def number_of(text: str | None, name: str) -> int | None:
    """Return the number in a query parameter, None when it is missing; InvalidRequest when it is none."""
    if not text:
        return None
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise InvalidRequest(f"{name}: a whole number is needed.", code="invalid_query", details={"field": name})
    return int(text)


def encode_cursor(*parts: str) -> str:
    """Return an opaque cursor for the record that a page ended with."""
    return base64.urlsafe_b64encode("\n".join(parts).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, count: int = 1) -> tuple[str, ...]:
    """Return the parts of a cursor; InvalidRequest when it is not one of ours."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split("\n")
    except (UnicodeError, binascii.Error) as error:
        raise _not_ours() from error
    if len(parts) != count or not all(parts):
        raise _not_ours()
    return tuple(parts)


def _not_ours() -> InvalidRequest:
    return InvalidRequest("The cursor is not one that this server gave.", code="invalid_cursor")
