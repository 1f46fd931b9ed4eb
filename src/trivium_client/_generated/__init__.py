# Written by `make generate` from ../_async/__init__.py; edits here are lost.
"""The synchronous clients, derived from the asynchronous ones."""
