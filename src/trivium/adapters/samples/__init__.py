"""The files of the sample organization, "Acme Support"."""

from importlib import resources

AGENT_NAME = "Acme Support"
NAMES = ("refund-policy.pdf", "product-handbook.md", "price-list.csv")


def read_samples() -> dict[str, bytes]:
    """Return name → bytes of the sample documents."""
    folder = resources.files(__name__) / "files"
    return {name: (folder / name).read_bytes() for name in NAMES}
