"""Pictures through tesseract, when it is on the PATH."""

import io
import shutil
import subprocess
from functools import cache
from typing import Any

from PIL import Image

from trivium.adapters.extract.outcome import Problem, Read
from trivium.core.ports.knowledge import ExtractedPart

_PIXELS_MAX = 50_000_000
_TIMEOUT_S = 60


@cache
def is_ocr_available() -> bool:
    """True when tesseract is on the PATH."""
    return shutil.which("tesseract") is not None


def read_picture(data: bytes, pages_max: int) -> Read:
    """Return the text in a picture."""
    if not is_ocr_available():
        raise Problem("needs_ocr", "Text in pictures can be read only when tesseract is installed on the server.")
    Image.MAX_IMAGE_PIXELS = _PIXELS_MAX
    try:
        picture = Image.open(io.BytesIO(data))
        if picture.width * picture.height > _PIXELS_MAX:
            raise Problem("too_large", "The picture has more than 50 million pixels.")
        picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Problem("too_large", "The picture has more than 50 million pixels.") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise Problem("unreadable", "The picture is damaged and cannot be read.") from error
    return Read([ExtractedPart(text=text_of_picture(picture), page=1)], page_count=1)


def text_of_picture(picture: Any) -> str:
    """Return what tesseract reads in a Pillow image, empty when it fails."""
    tesseract = shutil.which("tesseract")
    if tesseract is None:
        return ""
    stored = io.BytesIO()
    picture.convert("L").save(stored, "PNG")
    try:
        done = subprocess.run(  # noqa: S603 - the program is the one found on the PATH, its input a picture of ours
            [tesseract, "stdin", "stdout", "--psm", "3"],
            input=stored.getvalue(),
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    return done.stdout.decode(errors="replace")
