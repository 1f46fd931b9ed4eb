"""Sound and moving pictures: what is said in them, by a speech model that the operator has on disk."""

import io
import os
from functools import cache
from typing import TYPE_CHECKING

from trivium.adapters.extract.outcome import Problem, Read
from trivium.adapters.extract.plain import stretches

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_DURATION_S_MAX = 6 * 3600.0
_SIGNS = (b"ID3", b"OggS", b"fLaC", b"\x1aE\xdf\xa3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf1", b"#!AMR", b"FLV")
_NOT_SOUND = (b"WEBP",)


def is_recording(data: bytes) -> bool:
    """Tell by the first bytes whether it is sound or video."""
    if data[:4] == b"RIFF":
        return data[8:12] not in _NOT_SOUND
    return data.startswith(_SIGNS) or data[4:8] == b"ftyp"


def read_recording(data: bytes, model_folder: str) -> Read:
    """Return what is said, in stretches of about 45 seconds with the time each begins; at most six hours.

    Problem `needs_transcript` without a model, `unreadable` for what cannot be decoded.
    """
    if not model_folder:
        raise Problem(
            "needs_transcript", "A recording needs a transcript: upload its subtitles (SRT or VTT) beside it."
        )
    try:
        model = _model(model_folder)
    except ImportError as error:
        message = "Transcribing needs the extra `audio`: install trivium[audio], or upload subtitles (SRT or VTT)."
        raise Problem("needs_transcript", message) from error
    except (RuntimeError, ValueError, OSError) as error:
        message = "The folder in the setting `transcriber` holds no usable speech model; the operator has to look."
        raise Problem("needs_transcript", message) from error
    try:
        segments, about = model.transcribe(io.BytesIO(data), beam_size=1, condition_on_previous_text=False)
    except (ValueError, IndexError, OSError) as error:
        raise Problem("unreadable", "No sound could be decoded in this recording.") from error
    if about.duration > _DURATION_S_MAX:
        raise Problem("too_large", "The recording is longer than six hours; split it.")
    return Read(stretches((segment.start, segment.text.strip()) for segment in segments))


@cache
def _model(folder: str) -> "WhisperModel":
    from faster_whisper import WhisperModel

    threads = max(1, (os.cpu_count() or 2) // 2)
    # Nothing is fetched: a folder that is not there is an error.
    return WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)
