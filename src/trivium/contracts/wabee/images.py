"""The images of a request on their way into the run's input."""

from collections.abc import Sequence

import anyio.to_thread

from trivium.contracts.pictures import decode_base64
from trivium.contracts.wabee.caller import Caller
from trivium.contracts.wabee.wire import ImageInput, image_error
from trivium.core.errors import InvalidRequest, LimitExceeded
from trivium.core.model.conversations import Image
from trivium.core.platform import Platform


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
