"""Text out of files, in a bounded worker process."""

from trivium.adapters.extract.process import Extractors, ProcessExtractor

__all__ = ["Extractors", "ProcessExtractor"]
