"""A picture's format and size, read from its first bytes: known before anything is decoded."""

from dataclasses import dataclass
from struct import unpack_from

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_SEGMENTS_MAX = 1000
# Start-of-frame markers; C4, C8 and CC mean something else.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, kw_only=True)
class Header:
    """`format` as Pillow calls it."""

    format: str
    width_px: int
    height_px: int


def read_header(data: bytes) -> Header | None:
    """Return what the header of a PNG, JPEG, GIF, WebP or BMP says, or None when there is no such header."""
    for is_one, name, read in _FORMATS:
        if not is_one(data):
            continue
        size = read(data)
        return Header(format=name, width_px=size[0], height_px=size[1]) if size and min(size) > 0 else None
    return None


def _png(data: bytes) -> tuple[int, int] | None:
    if len(data) < 33 or data[12:16] != b"IHDR":
        return None
    width, height = unpack_from(">II", data, 16)
    return width, height


def _jpeg(data: bytes) -> tuple[int, int] | None:
    position = 2
    for _ in range(_JPEG_SEGMENTS_MAX):
        position = data.find(b"\xff", position)
        if position < 0 or position + 9 > len(data):
            return None
        marker = data[position + 1]
        if marker in (0x00, 0xFF) or 0xD0 <= marker <= 0xD9:
            position += 1
        elif marker in _JPEG_FRAMES:
            height, width = unpack_from(">HH", data, position + 5)
            return width, height
        else:
            position += 2 + unpack_from(">H", data, position + 2)[0]
    return None


def _gif(data: bytes) -> tuple[int, int] | None:
    return unpack_from("<HH", data, 6) if len(data) >= 13 else None


def _webp(data: bytes) -> tuple[int, int] | None:
    if len(data) < 30:
        return None
    kind = data[12:16]
    if kind == b"VP8 ":
        width, height = unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    if kind == b"VP8L":
        bits = unpack_from("<I", data, 21)[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    return None


def _bmp(data: bytes) -> tuple[int, int] | None:
    if len(data) < 26:
        return None
    if unpack_from("<I", data, 14)[0] == 12:
        return unpack_from("<HH", data, 18)
    width, height = unpack_from("<ii", data, 18)
    return width, abs(height)


_FORMATS = (
    (lambda data: data.startswith(_PNG), "PNG", _png),
    (lambda data: data.startswith(b"\xff\xd8\xff"), "JPEG", _jpeg),
    (lambda data: data[:6] in (b"GIF87a", b"GIF89a"), "GIF", _gif),
    (lambda data: data[:4] == b"RIFF" and data[8:12] == b"WEBP", "WEBP", _webp),
    (lambda data: data[:2] == b"BM", "BMP", _bmp),
)
