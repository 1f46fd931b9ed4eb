"""Pull, plan, apply, drift: files on one side, a real server on the other."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.workspace.conftest import Config
from tests.contracts.wizchat.conftest import Service

pytestmark = pytest.mark.server
FILE = Path("agents/acme/agent.yaml")


@pytest.fixture
def pulled(config: Config, bot: str) -> Path:
    """Return the file of the one chatbot, as a pull wrote it."""
    assert config("pull").status == 0
    return FILE


def edit(old: str, new: str) -> None:
    text = FILE.read_text()
    assert old in text
    FILE.write_text(text.replace(old, new))


SKILLS = """skills:
    - name: refunds  # the most asked
      body: ${file:refunds.md}
    - name: tone
      body: Be kind.
"""


def with_skills(config: Config) -> None:
    edit("skills: []\n", SKILLS)
    (FILE.parent / "refunds.md").write_text("Within 30 days.\n")
    assert config("apply").status == 0


def test_export_is_a_plan_without_changes(config: Config, pulled: Path) -> None:
    outcome = config("plan", "--detailed-exitcode")
    assert outcome.status == 0
    assert outcome.out == "0 to create, 0 to update, 0 to delete; 1 of 1 agents unchanged.\n"
    assert config("pull", "-o", "json").json == []


def test_plan_shows_and_apply_does(config: Config, pulled: Path, service: Service, bot: str) -> None:
    edit("skills: []\n", SKILLS)
    edit("retentionMonths: 24", "retentionMonths: 6")
    (pulled.parent / "refunds.md").write_text("Within 30 days.\n")
    planned = config("plan", "--detailed-exitcode")
    assert planned.status == 2
    assert "  ~ telemetry\n    retentionMonths: 24 → 6\n  + skills/refunds\n  + skills/tone\n" in planned.out
    assert config("apply", "-o", "json").json[0]["status"] == "applied"
    stored = service.client().get_config(bot)
    assert [skill.body for skill in stored.spec.skills or ()] == ["Within 30 days.", "Be kind."]
    assert config("plan", "--detailed-exitcode").status == 0


def test_deleting_asks_and_can_be_kept_from(config: Config, pulled: Path) -> None:
    with_skills(config)
    edit("    - name: tone\n      body: Be kind.\n", "")
    refused = config("apply")
    assert refused.status == 2
    assert "Delete acme: skills/tone?" in refused.err
    assert "at most 0 are allowed" in config("apply", "--max-deletes", "0", "--yes").err
    assert "1 of 1 agents unchanged" in config("plan", "--no-prune").out
    assert "1 of 1 agents unchanged" in config("plan", "--exclude", "skills/tone").out
    assert "- skills/tone" in config("plan", "--target", "skills/tone").out
    assert config("apply", "--yes").status == 0
    assert "1 of 1 agents unchanged" in config("plan").out


def test_saved_plan_is_applied_as_it_was_shown(config: Config, pulled: Path) -> None:
    edit("retentionMonths: 24", "retentionMonths: 6")
    assert config("plan", "-o", "plan.json").status == 0
    assert "6" not in json.loads(Path("plan.json").read_text())["agents"][0]["summary"]
    assert config("apply", "plan.json").status == 0
    stale = config("apply", "plan.json")
    assert stale.status == 1
    assert "is stale: baseETag" in stale.err


def test_saved_plan_is_refused_when_the_files_moved(config: Config, pulled: Path) -> None:
    edit("retentionMonths: 24", "retentionMonths: 6")
    config("plan", "-o", "plan.json")
    edit("retentionMonths: 6", "retentionMonths: 7")
    assert "is stale: documentHash" in config("apply", "plan.json").err


def test_drift_names_what_and_who(config: Config, pulled: Path, service: Service, bot: str) -> None:
    edit("retentionMonths: 24", "retentionMonths: 6")
    config("apply")
    assert config("drift", "--detailed-exitcode").status == 0
    service.http().patch(f"/chatbots/{bot}", json={"description": "Changed by hand"}).raise_for_status()
    drifted = config("drift", "--detailed-exitcode")
    assert drifted.status == 2
    assert 'description: "" → "Changed by hand"' in drifted.out
    assert "by test" in drifted.out


def test_secrets_are_written_and_never_shown(config: Config, pulled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit("mcpServers: []", "mcpServers:\n    - {name: crm, transport: http, url: '${env:CRM_URL}'}")
    pulled.write_text(pulled.read_text() + "secrets:\n  mcpServers/crm/headers/Authorization: ${env:CRM_TOKEN}\n")
    monkeypatch.setenv("CRM_URL", "https://crm.example.com/very-private")
    monkeypatch.setenv("CRM_TOKEN", "hunter2-one")
    printed = [config("plan"), config("apply"), config("plan", "--detailed-exitcode")]
    assert [outcome.status for outcome in printed] == [0, 0, 0]
    monkeypatch.setenv("CRM_TOKEN", "hunter2-two")
    monkeypatch.setenv("CRM_URL", "https://crm.example.com/other-private")
    printed += [config("plan"), config("plan", "-o", "json"), config("pull"), config("apply")]
    assert "~ secret mcpServers/crm/headers/Authorization (fingerprint " in printed[3].out
    assert all("hunter2" not in outcome.out and "private" not in outcome.out for outcome in printed)
    assert "private" not in pulled.read_text()


def test_overlay_makes_a_second_agent_of_the_same_files(config: Config, pulled: Path, service: Service) -> None:
    pulled.with_name("agent.production.yaml").write_text("chatbot: Acme live\nspec:\n  core:\n    name: Acme live\n")
    assert "a new chatbot" in config("plan", "--env", "production").out
    assert config("apply", "--env", "production").status == 0
    assert sorted(chatbot.name for chatbot in service.client().list_chatbots()) == ["Acme", "Acme live"]
    assert "1 of 1 agents unchanged" in config("plan", "--env", "production").out


def test_key_that_may_not_read_everything_leaves_the_rest_alone(
    config: Config, pulled: Path, service: Service, monkeypatch
) -> None:
    text = pulled.read_text()
    monkeypatch.setenv("WIZCHAT_API_KEY", service.new_key("agents:read", "skills:read"))
    assert config("pull").status == 0
    assert pulled.read_text() == text


def test_refused_key_is_told_by_its_exit_code(config: Config, pulled: Path, service: Service, monkeypatch) -> None:
    edit("retentionMonths: 24", "retentionMonths: 6")
    monkeypatch.setenv("WIZCHAT_API_KEY", service.new_key("agents:read"))
    outcome = config("plan", "-o", "json")
    assert outcome.status == 4
    assert json.loads(outcome.err)["error"]["code"] == "insufficient_scope"


def test_an_agent_that_is_refused_stops_no_other(
    config: Config, pulled: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trivium_client import Conflict, WizChat

    with WizChat(service.key, service.url) as client:
        for name in ("one", "two"):
            client.create_chatbot(name)
    assert config("pull").status == 0
    for path in Path("agents").glob("*/agent.yaml"):
        path.write_text(path.read_text().replace("retentionMonths: 24", "retentionMonths: 6"))
    real = WizChat.apply_config

    def refusing(self: WizChat, chatbot_id: str, *words: Any, **options: Any) -> Any:
        if not options.get("dry_run") and self.get_chatbot(chatbot_id).name == "one":
            raise Conflict(412, "precondition_failed", "Somebody was faster.")
        return real(self, chatbot_id, *words, **options)

    monkeypatch.setattr(WizChat, "apply_config", refusing)
    outcome = config("apply", "--yes", "-o", "json")
    assert outcome.status == 1
    rows = {row["agent"]: (row["status"], row["failure"]) for row in outcome.json}
    assert rows.pop("one") == ("failed", "Somebody was faster.")
    assert set(rows.values()) == {("applied", None)}
    assert len(rows) >= 2
