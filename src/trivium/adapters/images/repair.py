"""Cut and slightly damaged pictures made whole enough to decode: what is missing stays blank.

Pillow has a switch for this, but it is one for the whole process, and it does not find its way past a lost byte.
"""

import zlib
from struct import pack, unpack_from

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = frozenset({1, 2, 4, 8, 16})
# Adam7: first column and row, step of columns and rows.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_CHUNKS_MAX = 100_000


def repair(name: str, data: bytes) -> bytes | None:
    """Return bytes that a strict decoder takes, or None when there is nothing in the data to decode."""
    if name == "PNG":
        return _repair_png(data)
    if name == "JPEG":
        # Decoders fill up with grey when the end comes early, but not when it does not come at all.
        return data + b"\xff\xd9" if b"\xff\xda" in data else None
    return None


def _repair_png(data: bytes) -> bytes | None:
    width, height, depth, kind, _, _, interlace = unpack_from(">IIBBBBB", data, 16)
    if kind not in _CHANNELS or depth not in _DEPTHS:
        return None
    palette, compressed = _png_parts(data)
    if not compressed or (kind == 3 and not palette):
        return None
    size = _raw_size((width, height), _CHANNELS[kind] * depth, is_interlaced=bool(interlace))
    pixels = _inflate(compressed, size)
    # A picture that is cut before its first row is taken as blank; a complete one without a row is none.
    is_cut = b"IEND" not in data[-12:] and _begins_compressed(compressed)
    if not pixels and not is_cut:
        return None
    body = zlib.compress(pixels.ljust(size, b"\0"), 1)
    return _SIGNATURE + _chunk(b"IHDR", data[16:29]) + palette + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _png_parts(data: bytes) -> tuple[bytes, bytes]:
    """Return the palette's chunks, written anew, and the compressed pixels, as far as they go."""
    palette, pixels, position = [], [], 33
    for _ in range(_CHUNKS_MAX):
        if position + 8 > len(data):
            break
        length, kind = unpack_from(">I4s", data, position)
        body = data[position + 8 : position + 8 + length]
        is_plausible = kind.isalpha() and (kind == b"IDAT" or len(body) == length)
        if not is_plausible:
            # Bytes were lost or added: the pixels begin where they say so themselves.
            found = data.find(b"IDAT", position)
            if found < 0:
                break
            position = found - 4
            continue
        if kind == b"IDAT":
            pixels.append(body)
        elif kind in (b"PLTE", b"tRNS") and not pixels:
            palette.append(_chunk(kind, body))
        elif kind == b"IEND":
            break
        position += 12 + length
    return b"".join(palette), b"".join(pixels)


def _begins_compressed(data: bytes) -> bool:
    """Return whether the two bytes of a zlib header are there (RFC 1950, 2.2)."""
    return len(data) >= 2 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0


def _inflate(compressed: bytes, size: int) -> bytes:
    """Return what decompresses before the data ends or goes wrong, at most `size` bytes."""
    stream = zlib.decompressobj()
    out = bytearray()
    try:
        for start in range(0, len(compressed), 4096):
            out += stream.decompress(compressed[start : start + 4096], max(1, size - len(out)))
            if len(out) >= size:
                break
    except zlib.error:
        pass
    return bytes(out[:size])


def _raw_size(size_px: tuple[int, int], bits_per_pixel: int, *, is_interlaced: bool) -> int:
    width, height = size_px
    if not is_interlaced:
        return height * (1 + (width * bits_per_pixel + 7) // 8)
    total = 0
    for left, top, step_x, step_y in _PASSES:
        columns, rows = (width - left + step_x - 1) // step_x, (height - top + step_y - 1) // step_y
        if columns > 0 and rows > 0:
            total += rows * (1 + (columns * bits_per_pixel + 7) // 8)
    return total


def _chunk(kind: bytes, body: bytes) -> bytes:
    return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))
