"""Bytes by key."""

from trivium.adapters.blobs.files import FileBlobs

__all__ = ["FileBlobs"]
