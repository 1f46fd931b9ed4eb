"""One server for all tests of the contracts: each makes its own organization in it."""

from collections.abc import Iterator

import pytest

from tests.contracts.honesty import HONESTY
from tests.contracts.site import Site, open_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A running server with nothing in it."""
    with open_site(tmp_path_factory.mktemp("site")) as opened:
        yield opened


@pytest.fixture(autouse=True)
def answers_are_as_described() -> Iterator[None]:
    """Fail a test whose server answered anything that its OpenAPI documents do not say."""
    HONESTY.problems.clear()
    yield
    assert sorted(set(HONESTY.problems)) == []
