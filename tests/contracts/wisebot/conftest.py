"""Fresh organizations for each test of this contract."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.contracts.site import Site
from tests.contracts.wisebot.office import Office


@pytest.fixture
def make_office(site: Site) -> Iterator[Callable[..., Office]]:
    """Make organizations whose agents follow the given turns or have the given fields."""
    with ExitStack() as stack:

        def make(*turns: Any, **agent: Any) -> Office:
            office = Office(site, *turns, **agent)
            stack.callback(office.close)
            return office

        yield make


@pytest.fixture
def office(make_office: Callable[..., Office]) -> Office:
    """An organization with an agent that repeats what it is told."""
    return make_office()
