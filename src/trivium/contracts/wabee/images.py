"""The images of a request on their way into the run's input."""

import base64
import binascii
from collections.abc import Sequence

import anyio.to_thread

from trivium.contracts.wabee.caller import Caller
from trivium.contracts.wabee.wire import ImageInput, image_error
from trivium.core.errors import InvalidRequest, LimitExceeded
from trivium.core.model.conversations import Image
from trivium.core.platform import Platform

_CHARS_MAX = 28 * 1024 * 1024


async def take_in(platform: Platform, caller: Caller, given: Sequence[ImageInput]) -> tuple[Image, ...]:
    """Return the images, checked and stored. InvalidRequest says which one cannot be used and why."""
    return tuple([await _take_in(platform, caller, image) for image in given])


async def _take_in(platform: Platform, caller: Caller, image: ImageInput) -> Image:
    files = platform.files
    try:
        if image.is_path:
            return await files.add_picture_file(caller.organization_id, caller.agent_id, image.content)
        data = await anyio.to_thread.run_sync(decode_base64, image.content)
        return await files.add_picture(caller.organization_id, data)
    except (InvalidRequest, LimitExceeded) as error:
        raise image_error(image.index, error.message) from error


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
