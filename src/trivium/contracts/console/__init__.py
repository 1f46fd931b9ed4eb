"""Pages for people (README.md in this folder)."""

from trivium.contracts.console.device import DevicePages
from trivium.contracts.routing import Router
from trivium.core.platform import Platform

__all__ = ["router"]


def router(platform: Platform) -> Router:
    """Return every page."""
    pages = Router()
    DevicePages(platform).add_to(pages)
    return pages
