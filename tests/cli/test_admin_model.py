"""`trivium admin model`: accounts at model providers, used by the organization that has them and by no other."""

import asyncio
from pathlib import Path

import pytest

from bench.fake_model import FakeModel, serving
from tests.cli.conftest import Command
from trivium.core.model.access import Principal
from trivium.core.model.runs import InputMessage, Run, RunInput, RunRequest
from trivium.server import build
from trivium.settings import Settings, load

SECRET = "sk-of-the-organization"


@pytest.fixture
def org(trivium: Command) -> str:
    return trivium("admin", "org", "create", "Mine").line


def test_an_account_is_set_changed_and_removed(trivium: Command, org: str) -> None:
    words = ("admin", "model", "set", "groq", "--org", "Mine", "--json")
    made = trivium(*words, stdin=SECRET).json
    assert (made["provider"], made["has_key"]) == ("groq", True)
    changed = trivium(*words, "--default-model", "fast").json
    assert (changed["id"], changed["default_model"], changed["has_key"]) == (made["id"], "fast", True)
    listed = trivium("admin", "model", "list", "--org", org, "--json")
    assert SECRET not in listed.out
    assert [one["provider"] for one in listed.json["accounts"]] == ["groq"]
    assert trivium("admin", "model", "remove", "groq", "--org", org).status == 0
    assert trivium("admin", "model", "remove", "groq", "--org", org).status == 1


@pytest.mark.parametrize(("name", "url"), [("extractive", ""), ("Bad Name", ""), ("groq", "ftp://x")])
def test_what_cannot_be_an_account_is_refused(trivium: Command, org: str, name: str, url: str) -> None:
    outcome = trivium("admin", "model", "set", name, "--org", org, "--base-url", url, stdin=SECRET)
    assert outcome.status != 0
    assert SECRET not in outcome.out + outcome.err


def test_an_account_answers_for_its_own_organization_only(trivium: Command, org: str, data: Path) -> None:
    other = trivium("admin", "org", "create", "Theirs").line
    agents = [trivium("admin", "agent", "create", "Bot", "--org", one).line for one in (org, other)]

    async def work() -> tuple[FakeModel, list[Run]]:
        model = FakeModel()
        async with serving(model) as url:
            words = ("admin", "model", "set", "groq", "--org", org, "--base-url", url, "--default-model", "m")
            assert (await asyncio.to_thread(lambda: trivium(*words, stdin=SECRET).status)) == 0
            address = url.removeprefix("http://").partition("/")[0]
            settings = load(options={"outbound_allow": (address,)}).settings
            return model, [await ask(settings, owner, agent) for owner, agent in zip((org, other), agents, strict=True)]

    model, (mine, theirs) = asyncio.run(work())
    assert (mine.status, mine.model) == ("succeeded", "groq/m")
    assert theirs.model == "extractive/quote"
    assert model.headers["authorization"] == f"Bearer {SECRET}"


async def ask(settings: Settings, organization_id: str, agent_id: str) -> Run:
    """Return a run of a platform over the data folder, when it has ended."""
    parts = build(settings)
    await parts.platform.open()
    caller = Principal(organization_id=organization_id, kind="system", id="test")
    given = RunInput(messages=(InputMessage(role="user", text="Hello"),))
    run = await parts.platform.runs.start(caller, RunRequest(agent_id=agent_id, input=given))
    ended = await parts.platform.runs.result(organization_id, run.id)
    await parts.close(grace_s=1)
    return ended
