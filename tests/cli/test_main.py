"""What holds for every command."""

import subprocess
import sys

import pytest

from tests.cli.conftest import Command
from trivium.cli.main import COMMANDS, main


def test_the_overview_names_every_command(trivium: Command) -> None:
    for words in ((), ("--help",), ("-h",)):
        outcome = trivium(*words)
        assert outcome.status == 0
        assert all(f"  {name} " in outcome.out for name, _, _ in COMMANDS)


def test_the_overview_imports_no_library() -> None:
    code = "import sys; from trivium.cli.main import overview; overview(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = set(done.stdout.split())
    assert "trivium.cli.main" in loaded
    assert loaded.isdisjoint({"cyclopts", "rich", "trivium.server", "sqlalchemy", "pydantic", "asyncio"})


@pytest.mark.parametrize("name", [name for name, _, _ in COMMANDS])
def test_every_command_explains_itself_without_the_server(trivium: Command, name: str) -> None:
    outcome = trivium(name, "--help")
    assert outcome.status == 0
    assert outcome.out.startswith(f"Usage: trivium {name}")


def test_an_unknown_word_is_wrong_usage(trivium: Command) -> None:
    outcome = trivium("serv")
    assert outcome.status == 2
    assert 'Did you mean "serve"?' in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_setting_that_cannot_be_is_wrong_configuration(trivium: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIVIUM_PORT", "high")
    outcome = trivium("serve")
    assert outcome.status == 3
    assert outcome.err == "trivium: TRIVIUM_PORT: must be a whole number, not 'high'.\n"


def test_a_defect_is_not_hidden(data: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivium.cli.migrate.migrate_folder", None)
    with pytest.raises(TypeError):
        main(["migrate"])
