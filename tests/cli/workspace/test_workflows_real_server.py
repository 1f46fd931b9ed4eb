"""Workflows in a workspace against a real server: from files and back, by name, and into a second organization."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.workspace.conftest import Config
from tests.contracts.wizchat.conftest import Service

pytestmark = pytest.mark.server
FILE = Path("workflows/triage.yaml")
STEPS: list[dict[str, Any]] = [
    {"id": "a", "key": "message", "type": "input", "config": {"field": "message"}},
    {"id": "b", "key": "ask", "type": "agent", "config": {"agentId": "Acme", "prompt": "{{message}}"}},
]
TRIAGE: dict[str, Any] = {"name": "Triage", "steps": STEPS, "edges": [{"from": "a", "to": "b"}]}
REPORT: dict[str, Any] = {
    "name": "Report",
    "steps": [{"id": "t", "key": "t", "type": "workflow", "config": {"workflowId": "Triage", "inputs": {}}}],
    "edges": [],
}


def put(service: Service, *workflows: dict[str, Any], **body: Any) -> None:
    """Have the server hold these workflows."""
    service.http().post("/flows/apply", json={"workflows": [*workflows], **body}).raise_for_status()


def held(service: Service, key: str | None = None) -> dict[str, Any]:
    """Return what the server holds, by name."""
    found = service.http(key).get("/flows/config").raise_for_status().json()["workflows"]
    return {one["name"]: one for one in found}


@pytest.fixture
def pulled(config: Config, service: Service, bot: str) -> Path:
    """Return the file of a workflow, as a pull wrote it; another one refers to it."""
    put(service, TRIAGE, REPORT)
    outcome = config("pull", "-o", "name")
    assert outcome.status == 0, outcome.err
    assert outcome.out.splitlines()[-3:] == [
        ".trivium/workflow.schema.json",
        "workflows/report.yaml",
        "workflows/triage.yaml",
    ]
    return FILE


def edit(old: str, new: str) -> None:
    text = FILE.read_text()
    assert old in text
    FILE.write_text(text.replace(old, new))


def test_export_is_a_plan_without_changes(config: Config, pulled: Path) -> None:
    text = pulled.read_text()
    assert "agentId: Acme" in text
    assert "wf_" not in text
    outcome = config("plan", "--detailed-exitcode")
    assert outcome.status == 0, outcome.err
    assert (
        outcome.out == "0 to create, 0 to update, 0 to delete; 1 of 1 agents unchanged, 2 of 2 workflows unchanged.\n"
    )
    assert config("pull", "-o", "json").json == []
    assert [row.get("workflow") for row in config("validate", "-o", "json").json] == [None, "report", "triage"]
    assert config("fmt", "--check").status == 0


def test_plan_shows_and_apply_does(config: Config, pulled: Path, service: Service) -> None:
    edit("prompt: '{{message}}'", "prompt: 'Whose? {{message}}'  # short")
    edit("enabled: true\n  webhook", "enabled: false\n  webhook")
    planned = config("plan", "--detailed-exitcode")
    assert planned.status == 2
    assert "workflows\n  ~ Triage\n" in planned.out
    assert "enabled: true → false\n" in planned.out
    assert 'steps.ask.config.prompt: "{{message}}" → "Whose? {{message}}"' in planned.out
    rows = config("apply", "-o", "json").json
    assert [(row["agent"], row["status"], row["failure"]) for row in rows] == [("workflows", "applied", None)]
    assert held(service)["Triage"]["enabled"] is False
    assert config("plan", "--detailed-exitcode").status == 0
    assert config("diff", "-o", "json").json["workflows"]["ops"] == []
    put(service, {"name": "Triage", "description": "By hand"})
    assert config("pull", "-o", "name").out == "workflows/triage.yaml\n"
    assert "# short" in pulled.read_text()


def test_a_server_side_refusal_names_file_place_and_step(config: Config, pulled: Path, service: Service) -> None:
    edit("agentId: Acme", "agentId: Nobody")
    Path("workflows/report.yaml").write_text(Path("workflows/report.yaml").read_text().replace("Triage", "Nothing"))
    for command in ("plan", "apply"):
        outcome = config(command)
        assert outcome.status == 1
        assert (
            "workflows/triage.yaml: spec.steps[1].config.agentId: there is no agent 'Nobody' (step ask)" in outcome.err
        )
        assert "workflows/report.yaml: spec.steps[0].config.workflowId: there is no workflow 'Nothing'" in outcome.err
    assert held(service)["Triage"]["steps"][1]["config"]["agentId"] == "Acme"


def test_person_who_signed_in_may_do_the_same(
    config: Config, pulled: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WIZCHAT_API_KEY", service.token())
    edit("agentId: Acme", "agentId: Nobody")
    assert "workflows/triage.yaml: spec.steps[1].config.agentId: there is no agent" in config("plan").err
    edit("agentId: Nobody", "agentId: Acme")
    edit("description: ''", "description: New")
    assert config("apply").status == 0
    assert held(service)["Triage"]["description"] == "New"


def test_new_agent_and_workflow_that_names_it_come_together(config: Config, pulled: Path, service: Service) -> None:
    folder = Path("agents/helper")
    folder.mkdir()
    (folder / "agent.yaml").write_text("chatbot: Helper\nspec:\n  core: {name: Helper}\n")
    edit("agentId: Acme", "agentId: Helper")
    assert "there is no agent 'Helper'" in config("plan", "workflows/triage").err
    assert config("plan", "-o", "plan.json").status == 0
    rows = config("apply", "plan.json", "-o", "json").json
    assert [(row["agent"], row["status"]) for row in rows] == [("helper", "applied"), ("workflows", "applied")]
    assert held(service)["Triage"]["steps"][1]["config"]["agentId"] == "Helper"


def test_workflows_without_a_file_stay_unless_asked(config: Config, pulled: Path, service: Service) -> None:
    Path("workflows/report.yaml").unlink()
    assert config("plan", "--detailed-exitcode").status == 0
    assert "- Report" in config("plan", "--prune-workflows").out
    refused = config("apply", "--prune-workflows")
    assert "Delete workflows: Report?" in refused.err
    assert "at most 0 are allowed" in config("apply", "--prune-workflows", "--max-deletes", "0", "--yes").err
    assert config("apply", "triage", "--prune-workflows", "--yes").status == 2
    assert config("apply", "--prune-workflows", "--target", "workflows/triage", "--yes").status == 2
    assert sorted(held(service)) == ["Report", "Triage"]
    assert config("apply", "--prune-workflows", "--yes").status == 0
    assert sorted(held(service)) == ["Triage"]


def test_workspace_without_the_folder_never_touches_workflows(config: Config, service: Service, bot: str) -> None:
    assert config("pull").status == 0
    put(service, TRIAGE)
    assert "workflows" not in config("plan").out
    assert config("apply", "--prune-workflows", "--yes").status == 2
    assert config("apply", "--yes").status == 0
    assert sorted(held(service)) == ["Triage"]


def test_one_is_chosen_by_its_name(config: Config, pulled: Path, service: Service) -> None:
    edit("description: ''", "description: New")
    assert "1 of 1 agents unchanged" not in config("plan", "workflows/triage").out
    assert "~ Triage" in config("plan", "triage").out
    assert "~ Triage" not in config("plan", "report").out
    assert "~ Triage" not in config("plan", "--exclude", "workflows/triage").out
    assert "~ Triage" not in config("plan", "--exclude", "workflows").out
    assert config("plan", "--target", "workflows").out.endswith("; 1 of 2 workflows unchanged.\n")
    assert config("apply", "workflows/triage").status == 0
    assert held(service)["Triage"]["description"] == "New"
    assert "none.yaml: no such file" in config("plan", "workflows/none").err


def test_saved_plan_is_applied_as_it_was_shown(config: Config, pulled: Path, service: Service) -> None:
    edit("description: ''", "description: New")
    assert config("plan", "-o", "plan.json").status == 0
    assert "New" not in Path("plan.json").read_text()
    assert config("apply", "plan.json").status == 0
    assert held(service)["Triage"]["description"] == "New"
    stale = config("apply", "plan.json")
    assert stale.status == 1
    assert "The plan of the workflows is stale: baseETag" in stale.err


def test_saved_plan_is_refused_when_files_or_server_moved(config: Config, pulled: Path, service: Service) -> None:
    edit("description: ''", "description: New")
    config("plan", "-o", "plan.json")
    edit("description: New", "description: Newer")
    assert "is stale: documentHash" in config("apply", "plan.json").err
    edit("description: Newer", "description: New")
    put(service, {"name": "Report", "description": "By hand"})
    assert "is stale: baseETag" in config("apply", "plan.json").err


def test_drift_names_what_and_who(config: Config, pulled: Path, service: Service) -> None:
    assert (
        config("drift", "--detailed-exitcode").out
        == "0 of 1 agents, 0 of 2 workflows changed since they were applied.\n"
    )
    http = service.http(service.token())
    flow = next(one for one in http.get("/flows").json()["flows"] if one["name"] == "Triage")
    http.patch(f"/flows/{flow['id']}", json={"enabled": False}).raise_for_status()
    drifted = config("drift", "--detailed-exitcode")
    assert drifted.status == 2
    assert "workflows  by " in drifted.out
    assert "@example.com" in drifted.out
    assert "  ~ Triage\n    enabled: true → false\n" in drifted.out
    assert config("drift", "report", "--detailed-exitcode").status == 0
    assert config("drift", "-o", "json").json[0]["workflows"]["writes"][0]["workflow"] == "Triage"


def test_values_from_the_environment_are_masked(config: Config, pulled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit("prompt: '{{message}}'", "prompt: ${env:PROMPT}")
    monkeypatch.setenv("PROMPT", "hunter2-one")
    printed = [config("plan"), config("plan", "-o", "json"), config("apply"), config("pull")]
    monkeypatch.setenv("PROMPT", "hunter2-two")
    printed += [config("plan", "-o", "plan.json"), config("apply", "plan.json")]
    assert all(outcome.status == 0 for outcome in printed)
    assert all("hunter2" not in outcome.out + outcome.err for outcome in printed)
    assert "hunter2" not in pulled.read_text() + Path("plan.json").read_text()


def test_a_second_organization_gets_the_same(
    config: Config, pulled: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {path.name: path.read_text() for path in Path("workflows").iterdir()}
    key = service.new_key(organization_id=service.new_organization())
    agent = Path("agents/acme/agent.yaml")
    agent.write_text("".join(line for line in agent.read_text().splitlines(True) if not line.startswith("chatbot:")))
    agent.parent.rename(agent.parent.with_name("Acme"))
    monkeypatch.setenv("WIZCHAT_API_KEY", key)
    planned = config("plan")
    assert "+ Report\n  + Triage\n" in planned.out, planned.err
    assert [row["status"] for row in config("apply", "-o", "json").json] == ["applied", "applied"]
    assert held(service, key) == held(service)
    assert config("plan", "--detailed-exitcode").status == 0
    assert "workflows/" not in config("pull", "-o", "name").out
    assert {path.name: path.read_text() for path in Path("workflows").iterdir()} == texts


def test_key_that_may_not_read_workflows_leaves_them_alone(
    config: Config, pulled: Path, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = pulled.read_text()
    monkeypatch.setenv("WIZCHAT_API_KEY", service.new_key("agents:read", "agents:write"))
    assert config("pull").status == 0
    assert pulled.read_text() == text
    refused = config("plan", "workflows/triage", "-o", "json")
    assert refused.status == 4
    assert json.loads(refused.err)["error"]["code"] == "insufficient_scope"
