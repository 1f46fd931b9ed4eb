"""Pictures checked, decoded and written anew: the Images port, with Pillow."""

import io
import struct
import zlib
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from trivium.adapters.images.headers import Header, read_header
from trivium.adapters.images.repair import repair
from trivium.core.errors import InvalidRequest

if TYPE_CHECKING:
    from PIL.Image import Image

SIZE_MAX = 20 * 1024 * 1024
PIXELS_MAX = 25_000_000
# What models look at; larger pictures are scaled down.
SIDE_MAX = 2048
# A picture at the limit takes 100 MB while it is decoded.
_AT_ONCE = 2
_PNG_BYTES_MAX = 4 * 1024 * 1024
_JPEG_QUALITY = 88
_UNREADABLE = (
    OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError, AttributeError,
    struct.error, zlib.error,
)  # fmt: skip


class PillowImages:
    """See `core.ports.Images`. PNG, JPEG, GIF and WebP (their first picture) and BMP are taken."""

    def __init__(self) -> None:
        self._limiter: anyio.CapacityLimiter | None = None

    async def clean(self, data: bytes) -> tuple[str, bytes, int, int]:
        """Return (mime type, bytes, width, height): PNG or JPEG without metadata, turned upright, 2048 px at most.

        What is cut off stays blank. InvalidRequest says what is wrong in words that follow the picture's name.
        """
        header = check(data)
        if self._limiter is None:
            self._limiter = anyio.CapacityLimiter(_AT_ONCE)
        return await anyio.to_thread.run_sync(_clean, header, data, limiter=self._limiter)


def check(data: bytes) -> Header:
    """Return the header; InvalidRequest when there is none or too much behind it."""
    if len(data) > SIZE_MAX:
        raise _refused(f"is larger than {SIZE_MAX // 1024 // 1024} MiB.")
    header = read_header(data)
    if header is None:
        raise _refused("has no readable header of a PNG, JPEG, GIF, WebP or BMP.")
    if header.width_px * header.height_px > PIXELS_MAX:
        raise _refused(f"has more than {PIXELS_MAX // 1_000_000} million pixels.")
    return header


def _clean(header: Header, data: bytes) -> tuple[str, bytes, int, int]:
    picture = _decode(header, data)
    if picture is None:
        mended = repair(header.format, data)
        picture = _decode(header, mended) if mended is not None else None
    if picture is None:
        raise _refused("is damaged: nothing of it decodes.")
    mime_type, encoded = _encode(picture, is_photo=header.format in ("JPEG", "WEBP"))
    return mime_type, encoded, picture.width, picture.height


def _decode(header: Header, data: bytes) -> "Image | None":
    from PIL import Image, ImageOps

    try:
        with Image.open(io.BytesIO(data), formats=(header.format,)) as opened:
            # The header said it already; a second opinion on what will really be decoded.
            if opened.width * opened.height > PIXELS_MAX:
                return None
            opened.draft(None, (SIDE_MAX, SIDE_MAX))
            opened.load()
            picture = ImageOps.exif_transpose(_plain(opened))
    except (*_UNREADABLE, Image.DecompressionBombError):
        return None
    picture.thumbnail((SIDE_MAX, SIDE_MAX))
    return picture


def _plain(picture: "Image") -> "Image":
    """Return it in one of the modes L, RGB and RGBA."""
    if picture.mode.startswith("I"):
        # 16 bits per pixel: the plain conversion would clip instead of scale.
        return picture.convert("I").point([value >> 8 for value in range(65536)], "L")
    has_alpha = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    if has_alpha:
        return picture.convert("RGBA")
    return picture.convert("L" if picture.mode in ("1", "L") else "RGB")


def _encode(picture: "Image", *, is_photo: bool) -> tuple[str, bytes]:
    picture.info.clear()
    if not (is_photo and picture.mode != "RGBA"):
        encoded = _save(picture, "PNG")
        if len(encoded) <= _PNG_BYTES_MAX:
            return "image/png", encoded
    return "image/jpeg", _save(_on_white(picture), "JPEG")


def _on_white(picture: "Image") -> "Image":
    from PIL import Image

    if picture.mode != "RGBA":
        return picture
    ground = Image.new("RGBA", picture.size, "white")
    ground.alpha_composite(picture)
    return ground.convert("RGB")


def _save(picture: "Image", name: str) -> bytes:
    out = io.BytesIO()
    if name == "JPEG":
        picture.save(out, name, quality=_JPEG_QUALITY)
    else:
        picture.save(out, name)
    return out.getvalue()


def _refused(reason: str) -> InvalidRequest:
    return InvalidRequest(reason, code="invalid_image")
