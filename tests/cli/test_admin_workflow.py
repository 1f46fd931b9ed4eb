"""`trivium admin workflow`: saved from a file, refused with the place, kept apart by organization."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command

_GOOD = {
    "name": "Triage",
    "steps": [
        {"id": "a", "key": "message", "type": "input", "config": {"field": "message", "required": True}},
        {"id": "b", "key": "out", "type": "output", "config": {"value": "{{message}}"}},
    ],
    "edges": [{"from": "a", "to": "b"}],
}


@pytest.fixture
def file(tmp_path: Path, trivium: Command) -> Path:
    trivium("admin", "org", "create", "Mine")
    trivium("admin", "org", "create", "Theirs")
    path = tmp_path / "flow.json"
    path.write_text(json.dumps(_GOOD))
    return path


def test_workflow_is_saved_and_its_secret_shown_once(trivium: Command, file: Path) -> None:
    made = trivium("admin", "workflow", "create", "--org", "Mine", "--file", str(file), "--json").json
    assert made["id"].startswith("wf_")
    assert made["secret"].startswith("wfs_")
    listed = trivium("admin", "workflow", "list", "--org", "Mine", "--json")
    assert [one["id"] for one in listed.json["workflows"]] == [made["id"]]
    assert made["secret"] not in listed.out
    assert trivium("admin", "workflow", "list", "--org", "Theirs", "--json").json["workflows"] == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not JSON"),
        ("[]", "is an object"),
        ('{"steps": []}', "name"),
        (json.dumps({**_GOOD, "stepz": []}), "stepz"),
        (json.dumps({**_GOOD, "edges": [{"from": "a", "to": "z"}]}), "edges[0].to"),
    ],
)
def test_unsound_file_is_refused_with_its_place(trivium: Command, file: Path, content: str, reason: str) -> None:
    file.write_text(content)
    outcome = trivium("admin", "workflow", "create", "--org", "Mine", "--file", str(file))
    assert outcome.status == 1
    assert reason in outcome.err
    assert "Traceback" not in outcome.err
