"""The Python client of Trivium; imports nothing of the server."""

__version__ = "0.1.0"
