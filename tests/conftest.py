"""What every test gets."""

import pytest


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Run every async test on asyncio with uvloop, as the server does."""
    return ("asyncio", {"use_uvloop": True})
