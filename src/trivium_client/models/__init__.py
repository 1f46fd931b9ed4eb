"""The shapes of the three contracts: `wabee`, `wisebot` and `wizchat`.

The names of `wizchat` can be imported from here, too, as the published client has them.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trivium_client.models.wizchat import *


def __getattr__(name: str) -> object:
    """Load a name of `wizchat` when it is first used."""
    if name.startswith("_"):
        raise AttributeError(f"module 'trivium_client.models' has no attribute {name!r}")
    from importlib import import_module

    found: object = getattr(import_module("trivium_client.models.wizchat"), name)
    return found
