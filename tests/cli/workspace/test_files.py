"""The files of a workspace: what is refused, and what a pull leaves as it was."""

from pathlib import Path
from typing import Any

import pytest

from trivium.cli.workspace.files import AgentFiles, WorkspaceError, find, load, read_yaml
from trivium.cli.workspace.formatting import formatted
from trivium.cli.workspace.pulling import Pulling

AGENT = """\
# The agent of the support team.
chatbot: agt_1
apiVersion: v1
kind: ChatbotConfig
spec:
  skills:   # in order of use
    - name: refunds   # asked most
      body: ${file:refunds.md}
    - name: tone
      body: Be kind.
  core:
    name: "Acme"
    logoUrl: ${env:LOGO}
"""


@pytest.fixture
def files(tmp_path: Path) -> AgentFiles:
    folder = tmp_path / "agents/support"
    folder.mkdir(parents=True)
    (folder / "agent.yaml").write_text(AGENT)
    (folder / "refunds.md").write_text("Within 30 days.\n")
    (found,) = find(tmp_path, "production")
    return found


def spec_of(files: AgentFiles, **environment: str) -> Any:
    return load(files, {"LOGO": "https://example.com/logo.svg", **environment}).document["spec"]


def overlay(files: AgentFiles) -> Path:
    assert files.overlay is not None
    return files.overlay


def rewrite(files: AgentFiles, old: str, new: str) -> None:
    files.base.write_text(files.base.read_text().replace(old, new))


def test_agent_is_read_with_its_references(files: AgentFiles) -> None:
    agent = load(files, {"LOGO": "https://example.com/logo.svg"})
    assert (agent.chatbot, spec_of(files)["skills"][0]["body"]) == ("agt_1", "Within 30 days.")
    assert agent.hidden == {("spec", "core", "logoUrl"): "LOGO"}


def test_overlay_of_the_environment_is_laid_on(files: AgentFiles) -> None:
    overlay(files).write_text(
        "chatbot: agt_9\nspec:\n  core:\n    logoUrl: none\n  skills:\n    - {name: tone, $remove: true}\n"
    )
    agent = load(files, {})
    assert agent.chatbot == "agt_9"
    assert [skill["name"] for skill in spec_of(files)["skills"]] == ["refunds"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: tone", "name: refunds", r"spec.skills\[1\].name: 'refunds' is there twice"),
        ("name: tone", "mode: always", r"spec.skills\[1\].name: missing"),
        ("name: tone", "nmae: tone", r"spec.skills\[1\].name: missing"),
        ("      body: Be kind.", "      bdoy: Be kind.", r"spec.skills\[1\].bdoy: extra inputs"),
        ("kind: Chat", "dryRun: true\nkind: Chat", "dryRun: unknown field"),
        ("refunds.md", "../../../etc/passwd", "outside of the workspace"),
        ("refunds.md", "missing.md", "missing.md: No such file"),
        ("spec:", "spec: [", r"agents/support/agent.yaml:7:5: "),
        ("${env:LOGO}", "${env:OTHER}", "spec.core.logoUrl: the variable OTHER is not set"),
    ],
)
def test_mistake_is_told_with_its_place(files: AgentFiles, old: str, new: str, message: str) -> None:
    rewrite(files, old, new)
    with pytest.raises(WorkspaceError, match=message):
        load(files, {"LOGO": "x"})


def pulled(files: AgentFiles, spec: Any) -> list[str]:
    pulling = Pulling(files=files, environment={"LOGO": "https://example.com/logo.svg"})
    pulling.into_existing(spec)
    return [path.name for path in pulling.written]


def exported() -> Any:
    return {
        "core": {"name": "Acme", "logoUrl": "https://example.com/logo.svg"},
        "skills": [{"name": "refunds", "body": "Within 30 days."}, {"name": "tone", "body": "Be kind."}],
    }


def test_pull_of_the_same_state_writes_nothing(files: AgentFiles) -> None:
    files.base.write_text(formatted(files)["agent.yaml"])
    assert pulled(files, exported()) == []


def test_pull_changes_what_changed_and_keeps_the_rest(files: AgentFiles) -> None:
    spec = exported()
    spec["skills"][0]["body"] = "Within 14 days."
    spec["skills"] = [*spec["skills"], {"name": "new", "body": "One\nTwo costs ${5}"}]
    spec["core"]["name"] = "Acme Support"
    assert set(pulled(files, spec)) == {"refunds.md", "agent.yaml"}
    assert (files.folder / "refunds.md").read_text() == "Within 14 days.\n"
    text = files.base.read_text()
    for kept in (
        "# The agent of the support team.",
        "# in order of use",
        "# asked most",
        "${env:LOGO}",
        "${file:refunds.md}",
    ):
        assert kept in text
    assert spec_of(files) == spec


def test_pull_removes_what_is_gone(files: AgentFiles) -> None:
    spec = exported()
    spec["skills"] = []
    pulled(files, spec)
    assert spec_of(files) == spec


def test_pull_writes_into_the_overlay_what_the_overlay_sets(files: AgentFiles) -> None:
    overlay(files).write_text("spec:\n  core:\n    name: Acme (production)\n")
    spec = exported()
    spec["core"]["name"] = "Acme (live)"
    assert "agent.production.yaml" in pulled(files, spec)
    assert 'name: "Acme"' in files.base.read_text()
    assert "Acme (live)" in overlay(files).read_text()


def test_one_form_keeps_comments_and_means_the_same(files: AgentFiles) -> None:
    before = load(files, {"LOGO": "x"}).document
    files.base.write_text(formatted(files)["agent.yaml"])
    assert load(files, {"LOGO": "x"}).document == before
    assert "# asked most" in files.base.read_text()
    assert files.base.read_text().index("core:") < files.base.read_text().index("skills:")
    assert formatted(files)["agent.yaml"] == files.base.read_text()


def test_quick_reading_is_as_strict_as_the_exact_one(files: AgentFiles) -> None:
    files.base.write_text("%YAML 1.1\n---\nchatbot: on\n")
    assert read_yaml(files.base, files) == {"chatbot": True}
    files.base.write_text("chatbot: on\nspec: 0o10\n")
    assert read_yaml(files.base, files) == {"chatbot": "on", "spec": 8}
    files.base.write_text("chatbot: 1\nchatbot: 2\n")
    with pytest.raises(WorkspaceError, match=r'agent.yaml:2:1: found duplicate key "chatbot"'):
        read_yaml(files.base, files)
