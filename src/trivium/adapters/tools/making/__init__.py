"""Tools that make files: PDF documents and presentations, written by our own small writers."""

from trivium.adapters.tools.making.host import MakingTools

__all__ = ["MakingTools"]
