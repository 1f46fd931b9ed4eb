"""A fresh organization for each test of this contract."""

from collections.abc import Iterator

import pytest

from tests.contracts.site import Site
from tests.contracts.wisebot.office import Office


@pytest.fixture
def office(site: Site) -> Iterator[Office]:
    """An organization with an agent that repeats what it is told."""
    opened = Office(site)
    yield opened
    opened.close()
