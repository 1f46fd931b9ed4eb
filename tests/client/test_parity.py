"""Both colours of every client have the same surface; nothing public is typed as Any; importing is cheap."""

import inspect
import subprocess
import sys
from collections.abc import Callable

import pytest

import trivium_client
from trivium_client._async import wabee as async_wabee
from trivium_client._async import wisebot as async_wisebot
from trivium_client._async import wizchat as async_wizchat
from trivium_client._generated import wabee, wisebot, wizchat

PAIRS = [
    (wabee.Wabee, async_wabee.AsyncWabee),
    (wisebot.Wisebot, async_wisebot.AsyncWisebot),
    (wizchat.WizChat, async_wizchat.AsyncWizChat),
]
KEY = "wpk_live_1"


def surface(thing: object, prefix: str = "") -> dict[str, Callable[..., object]]:
    """Return every public method below an object, by its dotted name."""
    found: dict[str, Callable[..., object]] = {}
    for name in dir(thing):
        if name.startswith("_"):
            continue
        value = getattr(thing, name)
        if inspect.ismethod(value):
            found[prefix + name] = value
        elif type(value).__module__.startswith(("trivium_client._async", "trivium_client._generated")):
            found |= surface(value, f"{prefix}{name}.")
    return found


@pytest.mark.parametrize(("plain", "asynchronous"), PAIRS, ids=lambda client: client.__name__)
async def test_surfaces_are_the_same(plain, asynchronous) -> None:
    one, other = plain(KEY), asynchronous(KEY)
    ours, theirs = surface(one), surface(other)
    assert ours.keys() == theirs.keys()
    for name, method in ours.items():
        assert parameters(method) == parameters(theirs[name]), name
    one.close()
    await other.close()


@pytest.mark.parametrize(("plain", "asynchronous"), PAIRS, ids=lambda client: client.__name__)
def test_nothing_public_is_typed_as_anything(plain, asynchronous) -> None:
    with plain(KEY) as client:
        vague = [name for name, method in surface(client).items() if "Any" in str(inspect.signature(method))]
    assert vague == []


@pytest.mark.parametrize(("plain", "asynchronous"), PAIRS, ids=lambda client: client.__name__)
def test_every_method_says_what_comes_back(plain, asynchronous) -> None:
    with plain(KEY) as client:
        silent = [name for name, method in surface(client).items() if not inspect.getdoc(method)]
    assert silent == []


def test_every_public_name_can_be_imported() -> None:
    assert [name for name in trivium_client.__all__ if not hasattr(trivium_client, name)] == []


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Wibble"):
        _ = trivium_client.Wibble


def test_import_costs_next_to_nothing() -> None:
    code = "import time, trivium_client; print(time.process_time())"
    spent = [float(subprocess.check_output([sys.executable, "-c", code], timeout=60)) for _ in range(3)]
    assert min(spent) < 0.2


def parameters(method) -> list[tuple[str, object, object]]:
    return [
        (parameter.name, parameter.kind, parameter.default)
        for parameter in inspect.signature(method).parameters.values()
        if parameter.name != "transport"
    ]
