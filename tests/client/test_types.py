"""Everything public of the client is typed, and no type of it is Any."""

import importlib
import inspect
import os
import pkgutil
from collections.abc import Iterator
from typing import Any, BinaryIO, get_args, get_type_hints

import pytest
from pydantic import BaseModel

import trivium_client

MODULES = sorted(
    found.name
    for found in pkgutil.walk_packages(trivium_client.__path__, "trivium_client.")
    if not found.name.rpartition(".")[2].startswith("__")
)


def _has_any(hint: object) -> bool:
    return hint is Any or any(_has_any(part) for part in get_args(hint))


def _public(module: str) -> Iterator[tuple[str, object]]:
    """Yield every public function, method and property of a module, by name."""
    found = importlib.import_module(module)
    for name, thing in [*vars(found).items()]:
        if name.startswith("_") or getattr(thing, "__module__", None) != module:
            continue
        if inspect.isfunction(thing):
            yield name, thing
        if inspect.isclass(thing):
            for part, member in [*vars(thing).items()]:
                inner = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                is_shown = not part.startswith("_") or part == "__init__"
                if is_shown and inspect.isfunction(inner) and inner.__module__ == module:
                    yield f"{name}.{part}", inner


@pytest.mark.parametrize("module", MODULES)
def test_no_signature_has_any(module: str) -> None:
    for name, function in _public(module):
        hints = get_type_hints(function, localns={"os": os, "BinaryIO": BinaryIO}, include_extras=True)
        assert [part for part, hint in hints.items() if _has_any(hint)] == [], name


@pytest.mark.parametrize("module", [name for name in MODULES if ".models" in name])
def test_no_field_of_a_model_is_any(module: str) -> None:
    found = importlib.import_module(module)
    models = [one for one in [*vars(found).values()] if inspect.isclass(one) and issubclass(one, BaseModel)]
    for model in models:
        assert [name for name, field in model.model_fields.items() if _has_any(field.annotation)] == [], model


def test_a_value_of_a_later_version_is_let_through() -> None:
    from trivium_client.models.wisebot import ResolvedFile

    found = ResolvedFile.model_validate({"fileId": "kf_1", "matchedBy": "smell", "certainty": 0.4})
    assert (found.matched_by, found.model_extra) == ("smell", {"certainty": 0.4})
    assert found.model_dump(by_alias=True) == {"fileId": "kf_1", "matchedBy": "smell", "certainty": 0.4}
