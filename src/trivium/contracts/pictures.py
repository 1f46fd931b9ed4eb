"""Pictures as they stand in a JSON body."""

import base64
import binascii

from trivium.core.errors import InvalidRequest

_CHARS_MAX = 28 * 1024 * 1024


def decode_base64(content: str) -> bytes:
    """Return the bytes of base64 text or of a data URL; line breaks, the URL alphabet and missing padding are taken."""
    if len(content) > _CHARS_MAX:
        raise InvalidRequest("is too large.")
    if content[:5].lower() == "data:":
        head, comma, content = content.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise InvalidRequest("is a data URL that is not base64.")
    compact = "".join(content.split()).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        data = base64.b64decode(compact.encode("ascii") + b"=" * (-len(compact) % 4), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise InvalidRequest("is not base64.") from error
    if not data:
        raise InvalidRequest("is empty.")
    return data
