"""A server to kill, and what its workflows leave marks with."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.marking import Markers
from tests.faults.served import Killable


@pytest.fixture
def markers() -> Iterator[Markers]:
    markers = Markers()
    yield markers
    markers.close()


@pytest.fixture
def server(tmp_path: Path, markers: Markers) -> Iterator[Killable]:
    environ = {"TRIVIUM_OUTBOUND_ALLOW": f"127.0.0.1:{markers.port}", "TRIVIUM_LEASE_S": "2"}
    server = Killable(tmp_path / "data", environ=environ)
    server.start()
    yield server
    server.stop()
