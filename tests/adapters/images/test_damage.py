"""Pictures of every mode, cut anywhere, damaged anywhere, and lying about their size."""

import io
import zlib
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trivium.adapters.images.pillow import SIZE_MAX, PillowImages
from trivium.core.errors import InvalidRequest

RED, BLUE = (255, 0, 0), (0, 0, 255)


def picture(name: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: object) -> bytes:
    image = Image.linear_gradient("L").resize(size).convert(mode)
    if mode == "RGBA":
        image.putalpha(100)
    out = io.BytesIO()
    image.save(out, name, **options)
    return out.getvalue()


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


async def refusal(data: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        await PillowImages().clean(data)
    return caught.value


@pytest.mark.parametrize(
    ("name", "mode", "mime_type"),
    [
        ("PNG", "RGB", "image/png"), ("PNG", "RGBA", "image/png"), ("PNG", "P", "image/png"), ("PNG", "1", "image/png"),
        ("PNG", "I;16", "image/png"), ("PNG", "LA", "image/png"), ("JPEG", "RGB", "image/jpeg"),
        ("JPEG", "CMYK", "image/jpeg"), ("JPEG", "L", "image/jpeg"), ("GIF", "P", "image/png"),
        ("WEBP", "RGB", "image/jpeg"), ("WEBP", "RGBA", "image/png"), ("BMP", "RGB", "image/png"),
    ],
)  # fmt: skip
async def test_common_pictures_come_out_as_png_or_jpeg(name: str, mode: str, mime_type: str) -> None:
    given_mime, data, width, height = await PillowImages().clean(picture(name, mode))
    assert (given_mime, width, height) == (mime_type, 40, 30)
    assert opened(data).size == (40, 30)


@pytest.mark.parametrize("name", ["PNG", "JPEG"])
async def test_a_cut_picture_keeps_what_came(name: str) -> None:
    image = Image.effect_noise((200, 200), 80).convert("RGB")
    image.paste(RED, (0, 0, 200, 100))
    out = io.BytesIO()
    image.save(out, name)
    whole = out.getvalue()
    _, data, _, height = await PillowImages().clean(whole[: int(len(whole) * 0.8)])
    top = opened(data).convert("RGB").getpixel((100, 20))
    assert height == 200
    assert isinstance(top, tuple)
    assert top[0] > 240
    assert max(top[1:]) < 20


async def test_every_cut_of_a_png_is_a_picture_or_a_refusal() -> None:
    whole = picture("PNG", "P")
    accepted = []
    for length in range(len(whole)):
        try:
            _, _, width, height = await PillowImages().clean(whole[:length])
        except InvalidRequest:
            continue
        accepted.append(length)
        assert (width, height) == (40, 30)
    # From the first bytes of the pixels on, nothing is refused.
    assert accepted == list(range(accepted[0], len(whole)))
    assert accepted[0] == whole.index(b"IDAT") + 6


async def test_only_the_first_picture_of_an_animation_is_kept() -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in (RED, BLUE)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    _, data, _, _ = await PillowImages().clean(out.getvalue())
    assert opened(data).convert("RGB").getpixel((4, 4)) == RED


def png_of(width: int, height: int, pixels: bytes) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))

    header = pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


async def test_a_bomb_is_refused_by_its_header() -> None:
    bomb = png_of(100_000, 100_000, zlib.compress(b"\0" * 1_000_000))
    assert "million pixels" in (await refusal(bomb)).message
    lying = png_of(10, 10, zlib.compress(b"\0" * 50_000_000))
    _, _, width, _ = await PillowImages().clean(lying)
    assert width == 10


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no readable"),
        (b"hello, this is no picture", "no readable"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "no readable"),
        (b"%PDF-1.4", "no readable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no readable"),
        (png_of(10, 10, b"these are no pixels"), "nothing of it decodes"),
        (png_of(10, 10, b"x\x9cno pixels either"), "nothing of it decodes"),
        (png_of(0, 10, b""), "no readable"),
        (picture("PNG")[:33], "nothing of it decodes"),
        (picture("WEBP")[:40], "nothing of it decodes"),
        (b"\xff\xd8\xff" + b"\xff" * 50, "no readable"),
        (b"x" * (SIZE_MAX + 1), "MiB"),
    ],
)
async def test_what_is_no_picture_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    error = await refusal(data)
    assert reason in error.message
    assert error.code == "invalid_image"


@given(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP", "BMP"]), st.data())
@settings(max_examples=150, deadline=None)
async def test_damage_anywhere_is_a_picture_or_a_refusal(name: str, data: st.DataObject) -> None:
    damaged = bytearray(picture(name))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        _, clean, width, height = await PillowImages().clean(bytes(damaged))
    except InvalidRequest:
        return
    assert opened(clean).size == (width, height)
