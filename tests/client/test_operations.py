"""Every method makes one request, the same in both colours; every operation of the server has a method."""

import re
from pathlib import Path

import pytest
from starlette.routing import Route

from tools.client_calls import WITHOUT_METHOD, operations, proofs
from trivium.server import create_app
from trivium.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
CALLS = operations()
ROWS = [pytest.param(one, other, id=f"{client}.{one.name}") for client, rows in CALLS.items() for one, other in rows]


@pytest.mark.parametrize(("one", "other"), ROWS)
def test_both_colours_ask_for_the_same(one, other) -> None:
    if one.name == "chain_async":  # its event has an id and a time of its own
        assert (one.method, one.path) == (other.method, other.path)
        return
    assert (one.method, one.path, one.query, one.body) == (other.method, other.path, other.query, other.body)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str]]:
    """Return method and path of every operation, in the order in which the server looks for them."""
    app = create_app(Settings(data=tmp_path_factory.mktemp("data"), metrics_token="x"))
    found = [
        (method, route.path)
        for route in app.routes
        if isinstance(route, Route)
        for method in sorted(route.methods or ())
        if method != "HEAD"
    ]
    # `Wabee(agent=…)` puts this prefix before every path.
    return [(method, path) for method, path in found if not path.startswith("/agents/{agent}/")]


def found_by(served: list[tuple[str, str]], method: str, path: str) -> tuple[str, str] | None:
    """Return the operation that a request reaches."""
    for known, template in served:
        pattern = re.sub(r"{\w+:path}", ".+", template)
        if known == method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path):
            return known, template
    return None


def test_every_operation_of_the_server_has_a_method(served) -> None:
    reached = {found_by(served, one.method, one.path) for rows in CALLS.values() for one, _ in rows}
    missing = {(method, re.sub(r"{[^}]+}", "{}", path)) for method, path in set(served) - reached}
    assert missing == set(WITHOUT_METHOD)


def test_every_method_asks_for_what_the_server_has(served) -> None:
    strays = [one.name for rows in CALLS.values() for one, _ in rows if not found_by(served, one.method, one.path)]
    assert strays == []


def test_every_method_is_called_against_a_real_server() -> None:
    proven = proofs(ROOT)
    assert [
        f"{client}.{one.name}" for client, rows in CALLS.items() for one, _ in rows if (client, one.name) not in proven
    ] == []
