"""`trivium admin` on a data folder, always with two organizations."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from tests.cli.conftest import PASSWORD, Command
from trivium.cli._open import Desk, opened
from trivium.core.errors import NotAuthenticated
from trivium.core.services.access import CACHE_S
from trivium.settings import load


@pytest.fixture
def orgs(trivium: Command) -> tuple[str, str]:
    """Two organizations, made on a folder that was missing."""
    return trivium("admin", "org", "create", "Mine").line, trivium("admin", "org", "create", "Theirs").line


def test_what_is_made_is_found_by_id_or_name(trivium: Command, orgs: tuple[str, str]) -> None:
    by_name = trivium("admin", "agent", "create", "Bot", "--org", "Mine").line
    by_id = trivium("admin", "agent", "create", "Other", "--org", orgs[1], "--json").json
    assert by_id["organization_id"] == orgs[1]
    mine = trivium("admin", "agent", "list", "--org", orgs[0], "--json").json["agents"]
    assert [one["id"] for one in mine] == [by_name]
    names = [one["name"] for one in trivium("admin", "org", "list", "--json").json["organizations"]]
    assert names == ["Mine", "Theirs"]


def test_a_new_agent_has_its_first_revision(trivium: Command, orgs: tuple[str, str]) -> None:
    agent_id = trivium("admin", "agent", "create", "Bot", "--org", "Mine").line

    async def causes() -> list[str]:
        async with opened(load().settings) as desk:
            found = await desk.store.read(lambda tx: tx.revisions.page(orgs[0], agent_id, below=9, limit=9))
            return [f"{one.number} {one.cause} {one.status}" for one in found]

    assert anyio.run(causes) == ["1 create applied"]


def test_a_name_that_two_share_is_refused_with_their_ids(trivium: Command, orgs: tuple[str, str]) -> None:
    twin = trivium("admin", "org", "create", "Mine").line
    outcome = trivium("admin", "agent", "create", "Bot", "--org", "Mine")
    assert outcome.status == 1
    assert orgs[0] in outcome.err
    assert twin in outcome.err


def test_a_person_gets_a_token_for_each_organization(trivium: Command, orgs: tuple[str, str]) -> None:
    create = ("admin", "user", "create", "ann@example.com", "--json")
    made = trivium(*create, "--org", "Mine", "--role", "owner", stdin=PASSWORD + "\n").json
    joined = trivium(*create, "--org", "Theirs", "--role", "member").json
    assert made["id"] == joined["id"]
    assert trivium("admin", "token", "ann@example.com").line.count(".") == 2
    issued = trivium("admin", "token", "ann@example.com", "--org", "Theirs", "--json").json
    assert (issued["organization_id"], issued["role"]) == (orgs[1], "member")


def test_a_password_comes_from_standard_input_only(trivium: Command, orgs: tuple[str, str]) -> None:
    create = ("admin", "user", "create", "ann@example.com", "--org", "Mine", "--role", "owner")
    assert trivium(*create).status == 1
    assert trivium(*create, stdin="short\n").status == 1
    assert trivium(*create, "--password", PASSWORD).status == 2
    assert trivium(*create, stdin=PASSWORD).status == 0
    assert trivium("admin", "user", "password", "ann@example.com", stdin="another password").status == 0


def test_a_key_is_shown_once_with_its_limits(trivium: Command, orgs: tuple[str, str]) -> None:
    agent = trivium("admin", "agent", "create", "Bot", "--org", "Mine").line
    options = ("--agent", "Bot", "--scope", "chatbots:read", "--scope", "deploy", "--rate-limit-per-min", "9")
    limits = ("--requests-per-day", "5", "--usd-per-month", "2.5")
    expiry = ("--expires-at", "2099-01-31T12:00:00+01:00")
    made = trivium(
        "admin", "key", "create", "--org", "Mine", "--kind", "wizchat", *options, *limits, *expiry, "--json"
    ).json
    assert made["key"].startswith("wpk_live_")
    assert made["scopes"] == ["chatbots:read", "deploy"]
    assert (made["agent_ids"], made["rate_limit_per_min"]) == ([agent], 9)
    assert [(one["period"], one["requests_max"], one["cost_usd_max"]) for one in made["budgets"]] == [
        ("day", 5, None),
        ("month", None, 2.5),
    ]
    assert made["expires_at"] == "2099-01-31T11:00:00Z"
    listed = trivium("admin", "key", "list", "--json")
    assert made["key"] not in listed.out
    assert listed.json["keys"] == [{name: value for name, value in made.items() if name != "key"}]
    assert "day 0/5 requests, month 0.00/2.5 usd" in trivium("admin", "key", "list", "--org", "Mine").out
    assert trivium("admin", "key", "list", "--org", "Theirs", "--json").json["keys"] == []


@pytest.mark.parametrize(
    ("words", "status", "code"),
    [
        (("--org", "Nobody", "--kind", "wabee"), 1, "not_found"),
        (("--org", "Mine", "--kind", "other"), 2, "usage"),
        (("--kind", "wabee"), 2, "usage"),
        (("--org", "Mine", "--kind", "wabee", "--agent", "Theirs"), 1, "not_found"),
        (("--org", "Mine", "--kind", "wabee", "--scope", "agents:fly"), 1, "unknown_scope"),
        (("--org", "Mine", "--kind", "wabee", "--expires-at", "soon"), 2, "invalid_time"),
        (("--org", "Mine", "--kind", "wabee", "--expires-at", "2020-01-01"), 1, "invalid_expiry"),
        (("--org", "Mine", "--kind", "wabee", "--tokens-per-day", "-1"), 1, "invalid_budget"),
    ],
)
def test_a_mistake_is_one_line_with_what_to_do(
    trivium: Command, orgs: tuple[str, str], words: tuple[str, ...], status: int, code: str
) -> None:
    trivium("admin", "agent", "create", "Theirs", "--org", "Theirs")
    outcome = trivium("admin", "key", "create", *words)
    assert outcome.status == status
    assert outcome.out == ""
    assert outcome.err.startswith("trivium: ")
    assert outcome.err.count("\n") == 1
    assert json.loads(trivium("admin", "key", "create", *words, "--json").err)["error"]["code"] == code


def test_no_database_is_a_matter_of_configuration(trivium: Command, data: Path) -> None:
    outcome = trivium("admin", "key", "list")
    assert outcome.status == 3
    assert "--data" in outcome.err
    assert not data.exists()


def test_a_program_revokes_a_key_that_a_server_uses(program: Command, data: Path) -> None:
    assert program("admin", "org", "create", "Mine").status == 0
    made = program("admin", "key", "create", "--org", "Mine", "--kind", "wabee", "--json").json

    async def beside_a_server() -> str:
        async with opened(load().settings) as desk:
            await desk.access.authenticate(made["key"])
            revoked = await anyio.to_thread.run_sync(program, "admin", "key", "revoke", made["id"])
            assert revoked.line == made["id"]
            return await _code_within_a_second(desk, made["key"])

    assert anyio.run(beside_a_server) == "revoked_key"


async def _code_within_a_second(desk: Desk, secret: str) -> str:
    deadline = datetime.now(UTC) + timedelta(seconds=1)
    while datetime.now(UTC) < deadline:
        try:
            await desk.access.authenticate(secret)
        except NotAuthenticated as error:
            return error.code
        await anyio.sleep(CACHE_S / 10)
    return "still good"
