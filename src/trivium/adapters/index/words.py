"""Words as a search compares them: the same for a question and a passage, in any script."""

import re
import unicodedata
from zlib import crc32

# A word may hold dots, hyphens and slashes inside (part numbers, versions); it counts as a whole and in its pieces.
_WORD = re.compile(r"\w+(?:[-./_:]\w+)*")
_PIECE = re.compile(r"[^\W_]+")
_NO_SPACES = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_STEM_MIN = 4


def words_of(text: str) -> set[str]:
    """Return the distinct words: folded, without accents, plurals cut; pairs of signs where no spaces divide words."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c)) if not plain.isascii() else plain
    found: set[str] = set()
    for whole in _WORD.findall(plain):
        pieces = _PIECE.findall(whole)
        if len(pieces) > 1:
            found.add(whole)
        for piece in pieces:
            if _NO_SPACES.search(piece):
                found.update(piece[n : n + 2] for n in range(max(len(piece) - 1, 1)))
            else:
                found.add(_stem(piece))
    return found


def hashes_of(text: str) -> list[int]:
    """Return the words as sorted 32-bit numbers."""
    return sorted({crc32(word.encode()) for word in words_of(text)})


def _stem(word: str) -> str:
    if len(word) > _STEM_MIN and word.isalpha() and word.endswith("s") and not word.endswith("ss"):
        return word[:-1]
    return word
