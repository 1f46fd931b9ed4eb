"""Meaning as vectors."""

from trivium.adapters.embed.universal import UniversalEmbedder

__all__ = ["UniversalEmbedder"]
