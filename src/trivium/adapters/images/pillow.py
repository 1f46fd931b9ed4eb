"""Pictures checked from their header, decoded as far as they go, and written again without metadata."""

import io
import struct
import threading
import zlib
from typing import TYPE_CHECKING

import anyio.to_thread

from trivium.core.errors import InvalidRequest

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE_MAX = 20 * 1024 * 1024
PIXELS_MAX = 25_000_000
# What models look at; larger pictures are scaled down.
SIDE_MAX = 2048
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
_PNG = b"\x89PNG\r\n\x1a\n"
# Pillow keeps its tolerance for cut files in a global, so pictures are decoded one at a time.
_one_at_a_time = threading.Lock()


class PillowImages:
    """See `core.ports.Images`. PNG, JPEG, GIF and WebP (their first frame) and BMP come out as PNG or JPEG."""

    async def clean(self, data: bytes) -> tuple[str, bytes, int, int]:
        """Return (mime type, bytes, width, height) of the picture, turned upright, at most 2048 pixels a side.

        A cut picture is taken as far as it decodes. InvalidRequest says why when there is no readable header, more than
        20 MiB or 25 million pixels, or nothing that decodes.
        """
        if len(data) > SIZE_MAX:
            raise InvalidRequest(f"is larger than {SIZE_MAX // 1024 // 1024} MiB.", code="invalid_image")
        return await anyio.to_thread.run_sync(_clean, data)


def _clean(data: bytes) -> tuple[str, bytes, int, int]:
    # Pillow is imported with the first picture: it costs a start 30 ms.
    from PIL import ImageOps

    with _one_at_a_time:
        picture = _decode(data)
        picture = ImageOps.exif_transpose(picture)
        picture.thumbnail((SIDE_MAX, SIDE_MAX))
        has_alpha = picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info
        is_photo = data[:3] == b"\xff\xd8\xff" or data[8:12] == b"WEBP"
        stored = io.BytesIO()
        if is_photo and not has_alpha:
            picture.convert("RGB").save(stored, "JPEG", quality=90)
            return "image/jpeg", stored.getvalue(), picture.width, picture.height
        _bare(picture.convert("RGBA" if has_alpha else "RGB")).save(stored, "PNG")
        return "image/png", stored.getvalue(), picture.width, picture.height


def _bare(picture: "Image") -> "Image":
    picture.info.clear()
    return picture


def _decode(data: bytes) -> "Image":
    from PIL import ImageFile

    picture = _open(data)
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        picture.load()
    except Exception:  # noqa: BLE001 - decoders fail in many ways, and all of them mean the same here
        return _salvage(data)
    return picture


def _open(data: bytes) -> "Image":
    from PIL import Image

    try:
        picture: Image.Image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except Exception as error:
        mended = _mended_png(data)
        if mended is None or mended == data:
            raise InvalidRequest(
                "has no readable header of a PNG, JPEG, GIF, WebP or BMP.", code="invalid_image"
            ) from error
        return _open(mended)
    if picture.width * picture.height > PIXELS_MAX:
        raise _too_many_pixels()
    return picture


def _salvage(data: bytes) -> "Image":
    """Return what decodes of a damaged picture."""
    from PIL import ImageFile

    mended = _mended_png(data)
    picture = _open(mended or data)
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    try:
        picture.load()
    except Exception as error:
        raise _nothing() from error
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    extrema = picture.convert("RGBA").getextrema()
    is_blank = all(low == high for low, high in extrema if isinstance(low, int | float))  # type: ignore[misc]
    # The data of a PNG may begin and be cut before its first row: that much of it decodes.
    if is_blank and mended is None:
        raise _nothing()
    return picture


def _mended_png(data: bytes) -> bytes | None:
    """Return a PNG with its header and what can be found of its pixel data in one chunk, or None.

    Cut and clumsily copied files have chunks whose lengths no longer fit; header and pixel data can be found without.
    """
    header = data[8:33]
    if not data.startswith(_PNG) or header[:8] != b"\x00\x00\x00\rIHDR" or len(header) < 25:
        return None
    if zlib.crc32(header[4:21]) != struct.unpack(">I", header[21:])[0]:
        return None
    at = data.find(b"IDAT", 33)
    pixels = data[at + 4 :]
    if at < 0 or len(pixels) < 2 or pixels[0] & 0x0F != 8 or (pixels[0] << 8 | pixels[1]) % 31:
        return None
    palette = _chunk_at(data, b"PLTE", at)
    return _PNG + header + palette + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b"")


def _chunk_at(data: bytes, name: bytes, before: int) -> bytes:
    at = data.find(name, 33, before)
    if at < 37:
        return b""
    size = struct.unpack(">I", data[at - 4 : at])[0]
    return _chunk(name, data[at + 4 : at + 4 + size]) if at + 4 + size <= before else b""


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _too_many_pixels() -> InvalidRequest:
    return InvalidRequest(f"has more than {PIXELS_MAX // 1_000_000} million pixels.", code="invalid_image")


def _nothing() -> InvalidRequest:
    return InvalidRequest("is damaged: nothing of it decodes.", code="invalid_image")
