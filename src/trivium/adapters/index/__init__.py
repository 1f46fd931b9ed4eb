"""Search over passages in numpy, as a cache over the store."""

from trivium.adapters.index.index import MatrixIndex

__all__ = ["MatrixIndex"]
