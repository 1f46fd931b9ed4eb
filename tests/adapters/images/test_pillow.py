"""What becomes of pictures: whole, cut, turned, huge, hostile."""

import base64
import io
import struct
import zlib

import pytest
from PIL import Image

from trivium.adapters.images.pillow import PIXELS_MAX, SIDE_MAX, SIZE_MAX, PillowImages
from trivium.core.errors import InvalidRequest

# The picture printed in the contract's example: a PNG of 24 by 24, cut and with a chunk whose length no longer fits.
EXAMPLE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAABgAAAAYCAYAAADgdz34AAAABHNCSVQICAgIfAhkiAAAAAlwSFlzAAALEgAACxIB0t1+/AAAADl0RVh0U29m"
    "dHdhcmUAbWF0cGxvdGxpYiB2ZXJzaW9uMy4xLjEsIGh0dHA6Ly9tYXRwbG90bGliLm9yZy+AADFEAAAgAElEQVR4nOydd3gU5f7/3+9z"
)
images = PillowImages()


def encoded(form: str, size: tuple[int, int] = (40, 20), mode: str = "RGB", **options) -> bytes:
    stored = io.BytesIO()
    Image.effect_noise(size, 60).convert(mode).save(stored, form, **options)
    return stored.getvalue()


async def shown(data: bytes) -> Image.Image:
    mime_type, cleaned, width, height = await images.clean(data)
    picture = Image.open(io.BytesIO(cleaned))
    picture.load()
    assert (picture.width, picture.height) == (width, height)
    assert mime_type == f"image/{str(picture.format).lower()}"
    return picture


@pytest.mark.parametrize(
    ("form", "becomes"), [("PNG", "PNG"), ("JPEG", "JPEG"), ("GIF", "PNG"), ("WEBP", "JPEG"), ("BMP", "PNG")]
)
async def test_usual_pictures_are_written_again(form: str, becomes: str) -> None:
    picture = await shown(encoded(form))
    assert (picture.size, picture.format) == ((40, 20), becomes)


async def test_the_contracts_cut_example_is_taken() -> None:
    assert (await shown(EXAMPLE)).size == (24, 24)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
async def test_a_cut_picture_is_taken_as_far_as_it_decodes(form: str) -> None:
    whole = encoded(form, (400, 300))
    picture = (await shown(whole[: len(whole) // 2])).convert("L")
    assert picture.size == (400, 300)
    assert len({picture.getpixel((x, 5)) for x in range(400)}) > 10


async def test_metadata_is_left_out_and_the_picture_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a secret place"
    data = encoded("JPEG", exif=exif)
    assert b"a secret place" in data
    picture = await shown(data)
    assert picture.size == (20, 40)
    assert not picture.getexif()
    assert b"a secret place" not in (await images.clean(data))[1]


async def test_transparency_survives() -> None:
    assert (await shown(encoded("PNG", mode="LA"))).mode == "RGBA"


async def test_large_pictures_are_scaled_down() -> None:
    assert (await shown(encoded("PNG", (SIDE_MAX + 200, 100)))).width == SIDE_MAX


def header_only(width: int, height: int) -> bytes:
    content = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + content + struct.pack(">I", zlib.crc32(content))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "header"),
        (b"hello, I am no picture", "header"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "header"),
        (b"\xff\xd8\xff\xe0garbage", "header"),
        (header_only(24, 24), "decodes"),
        (header_only(100_000, 100_000) + b"\x00\x00\x00\x10IDATx\x9c", "pixels"),
        (encoded("JPEG")[:300], "decodes|header"),
        (b"\x00" * (SIZE_MAX + 1), "MiB"),
    ],
)
async def test_what_is_no_picture_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        await images.clean(data)


async def test_pixels_are_counted_before_they_are_decoded() -> None:
    data = encoded("PNG", (PIXELS_MAX // 10 + 1, 10), mode="1")
    with pytest.raises(InvalidRequest, match="pixels"):
        await images.clean(data)
