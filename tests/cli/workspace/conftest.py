"""A real server with a chatbot, and commands that run in an empty workspace."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command, Outcome
from tests.contracts.wizchat.conftest import Service, bot, running, service  # noqa: F401

Config = Callable[..., Outcome]


@pytest.fixture
def config(trivium: Command, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:  # noqa: F811
    """Run `trivium config …` in an empty folder, against the server, with a key for everything."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name in ("TRIVIUM_URL", "WISEBOTAI_BASE_URL", "WABEE_ENDPOINT", "TRIVIUM_MANAGEMENT_KEY", "TRIVIUM_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WIZCHAT_BASE_URL", service.url)
    monkeypatch.setenv("WIZCHAT_API_KEY", service.key)
    monkeypatch.setenv("TRIVIUM_CONTEXTS", str(tmp_path / "contexts.toml"))
    return lambda *words, stdin="": trivium("config", *words, stdin=stdin)
