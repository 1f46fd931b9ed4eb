"""A part of a document: what is not chosen is neither changed nor deleted."""

from typing import Any

import pytest

from trivium.cli._output import StopError
from trivium.cli.workspace.choosing import chosen

WANTED: Any = {"spec": {"core": {"name": "New"}, "skills": [{"name": "a", "body": "new"}, {"name": "b"}]}}
THERE: Any = {"core": {"name": "Old"}, "skills": [{"name": "a", "body": "old"}, {"name": "c"}]}


def spec(**options: list[str]) -> Any:
    return chosen(WANTED, THERE, **options)["spec"]


def test_target_of_a_section_leaves_the_others_out() -> None:
    assert spec(target=["core"]) == {"core": {"name": "New"}}


def test_target_of_a_key_takes_the_others_as_they_are() -> None:
    assert spec(target=["skills/a"]) == {"skills": [{"name": "a", "body": "new"}, {"name": "c"}]}


def test_target_of_a_key_that_is_gone_deletes_only_that() -> None:
    assert spec(target=["skills/c"]) == {"skills": [{"name": "a", "body": "old"}]}


def test_excluded_key_stays_as_it_is() -> None:
    assert spec(exclude=["skills/c", "core"]) == {
        "skills": [{"name": "a", "body": "new"}, {"name": "b"}, {"name": "c"}]
    }


def test_target_and_exclude_work_together() -> None:
    assert spec(target=["skills"], exclude=["skills/a"]) == {"skills": [{"name": "a", "body": "old"}, {"name": "b"}]}


@pytest.mark.parametrize("name", ["wibble", "core/name", "telemetry/level"])
def test_what_is_no_section_is_refused(name: str) -> None:
    with pytest.raises(StopError, match="names no section"):
        spec(target=[name])
