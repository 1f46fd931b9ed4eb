"""Text out of files, in a bounded worker process."""

from trivium.adapters.extract.process import ProcessExtractor

__all__ = ["ProcessExtractor"]
