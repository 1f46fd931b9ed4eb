"""The files of the sample organization, "Acme Support"."""

from importlib import resources

AGENT_NAME = "Acme Support"
# Not simply "refund-policy.pdf": the published Wisebot example uploads a file of that name and attaches it by its
# name alone, which two of them would make ambiguous.
NAMES = ("acme-refund-policy.pdf", "product-handbook.md", "price-list.csv")
# The published Wabee example asks its question with this file, which "the agent already has access to".
AGENT_FILES = {"inputs/chat-files/test123/file.pdf": "economic-outlook.pdf"}


def read_samples() -> dict[str, bytes]:
    """Return name → bytes of the sample documents."""
    return {name: _read(name) for name in NAMES}


def read_agent_files() -> dict[str, bytes]:
    """Return path → bytes of the files below the sample agent's root."""
    return {path: _read(name) for path, name in AGENT_FILES.items()}


def _read(name: str) -> bytes:
    return (resources.files(__name__) / "files" / name).read_bytes()
