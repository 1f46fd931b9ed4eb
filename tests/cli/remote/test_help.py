"""Every command explains itself, with an example."""

from collections.abc import Iterator

import pytest
from cyclopts import App

from tests.cli.conftest import Command
from trivium.cli.main import COMMANDS, make_app


def commands(app: App, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the words of every command at the ends of the tree."""
    inner = [name for name in app if not name.startswith("-")]
    if not inner:
        yield words
    for name in inner:
        yield from commands(app[name], (*words, name))


TREE = [line for name, _, _ in COMMANDS for line in commands(make_app()[name], (name,))]


@pytest.mark.parametrize("words", TREE, ids=" ".join)
def test_help_has_an_example(trivium: Command, words: tuple[str, ...]) -> None:
    outcome = trivium(*words, "--help")
    assert outcome.status == 0
    assert "Example:" in outcome.out
    assert f"trivium {words[0]}" in outcome.out
