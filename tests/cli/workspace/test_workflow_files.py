"""Files of workflows: read with overlays and references, checked, pulled into without losing comments, formatted."""

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from trivium.cli.workspace.files import WorkspaceError, read_yaml
from trivium.cli.workspace.formatting import formatted_workflow
from trivium.cli.workspace.wanted import find_chosen
from trivium.cli.workspace.workflow_files import WorkflowFiles, find_workflows, load_workflow, load_workflows
from trivium.cli.workspace.workflow_pulling import pull_workflows
from trivium.cli.workspace.workflow_schema import workflow_schema
from trivium_client import WorkflowSet

TEXT = """\
# Who gets a ticket.
apiVersion: v1
kind: Workflow
spec:
  name: Triage
  steps:
    # What came in.
    - id: a
      key: message
      type: input
      config: {field: message}  # flat
    - id: b
      key: ask
      type: agent
      config:
        agentId: Helper
        prompt: ${file:ask.md}
  edges:
    - {from: a, to: b}
"""


def problems_of(content: Any) -> list[str]:
    """Return what an editor would underline."""
    validator = jsonschema_rs.Draft202012Validator(workflow_schema())
    return [error.message for error in validator.iter_errors(content)]


@pytest.fixture
def files(tmp_path: Path) -> WorkflowFiles:
    folder = tmp_path / "workflows"
    folder.mkdir()
    (folder / "triage.yaml").write_text(TEXT)
    (folder / "ask.md").write_text("Whose is {{message}}?\n")
    return find_workflows(tmp_path, None)[0]


def stored(files: WorkflowFiles, **changes: Any) -> WorkflowSet:
    """Return what a server would hold of the file, with other values for some fields."""
    spec = {"description": "", "enabled": True, "events": [], "schedule": None, **load_workflow(files).spec}
    return WorkflowSet.model_validate({"workflows": [{**spec, **changes}]})


def test_workflow_is_read_with_its_references(files: WorkflowFiles) -> None:
    flow = load_workflow(files)
    assert (flow.name, flow.title) == ("triage", "Triage")
    steps: Any = flow.spec["steps"]
    assert steps[1]["config"]["prompt"] == "Whose is {{message}}?"


def test_overlay_changes_one_step(files: WorkflowFiles) -> None:
    overlay = "spec:\n  enabled: false\n  steps:\n    - {id: b, config: {agentId: '${env:AGENT}'}}\n"
    (files.folder / "triage.live.yaml").write_text(overlay)
    (live,) = find_workflows(files.root, "live")
    flow = load_workflow(live, {"AGENT": "Second"})
    steps: Any = flow.spec["steps"]
    assert flow.spec["enabled"] is False
    assert [step.get("type") for step in steps] == ["input", "agent"]
    assert (steps[1]["config"]["agentId"], flow.hidden) == (
        "Second",
        {("spec", "steps", 1, "config", "agentId"): "AGENT"},
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("kind: Workflow", "kind: Diagram", "kind: Workflow is expected"),
        ("  name: Triage\n", "  label: Triage\n", "spec.name: missing"),
        ("  name: Triage", "  title: x\n  name: Triage", "spec.title: unknown field"),
        ("      key: ask", "      key: message", "spec.steps[1].key: 'message' is there twice"),
        ("      type: agent\n", "", "spec.steps[1].type: missing"),
        ("      key: ask", "      key: ask\n      retries: 3", "spec.steps[1].retries: unknown field"),
        ("to: b", "to: c", "spec.edges[0].to: there is no step 'c'"),
        ("${file:ask.md}", "${file:gone.md}", "gone.md: No such file or directory"),
        ("${file:ask.md}", "${env:NOT_SET}", "spec.steps[1].config.prompt: the variable NOT_SET is not set"),
        ("  edges:", "  edges: [", "triage.yaml:1"),
    ],
)
def test_mistake_is_told_with_file_and_place(files: WorkflowFiles, old: str, new: str, message: str) -> None:
    files.base.write_text(TEXT.replace(old, new))
    with pytest.raises(WorkspaceError) as raised:
        load_workflow(files, {})
    assert raised.value.problems[0].startswith("workflows/triage.yaml")
    assert any(message in problem for problem in raised.value.problems), raised.value.problems


def test_two_files_of_one_name_are_refused(files: WorkflowFiles) -> None:
    (files.folder / "other.yaml").write_text(TEXT)
    with pytest.raises(WorkspaceError) as raised:
        load_workflows(find_workflows(files.root, None))
    assert raised.value.problems == ("workflows/triage.yaml: spec.name: workflows/other.yaml has the same",)


def test_pull_of_the_same_state_writes_nothing(files: WorkflowFiles) -> None:
    assert pull_workflows(files.root, None, stored(files), []) == []
    assert files.base.read_text() == TEXT


def test_pull_changes_what_changed_and_keeps_the_rest(files: WorkflowFiles) -> None:
    steps: Any = load_workflow(files).spec["steps"]
    message, ask = steps
    ask = {**ask, "config": {**ask["config"], "agentId": "Second", "prompt": "New text"}}
    new = {"id": "c", "key": "done", "type": "output", "config": {"value": "{{ask}}"}}
    pull_workflows(files.root, None, stored(files, steps=[message, new, ask], enabled=False), [])
    text = files.base.read_text()
    assert "# Who gets a ticket." in text
    assert "# What came in." in text
    assert "# flat" in text
    assert "${file:ask.md}" in text
    assert (files.folder / "ask.md").read_text() == "New text\n"
    flow = load_workflow(files)
    found: Any = flow.spec["steps"]
    assert [step["id"] for step in found] == ["a", "c", "b"]
    assert (found[2]["config"]["agentId"], flow.spec["enabled"]) == ("Second", False)
    assert pull_workflows(files.root, None, stored(files), []) == []


def test_pull_writes_into_the_overlay_what_the_overlay_says(files: WorkflowFiles) -> None:
    overlay = files.folder / "triage.live.yaml"
    overlay.write_text(
        "spec:\n  steps:\n    - {id: b, config: {agentId: Second}}  # ours\n    - {id: a, $remove: true}\n  edges: []\n"
    )
    (live,) = find_workflows(files.root, "live")
    steps: Any = load_workflow(live).spec["steps"]
    assert [step["id"] for step in steps] == ["b"]
    assert pull_workflows(files.root, "live", stored(live), []) == []
    changed = [{**steps[0], "config": {**steps[0]["config"], "agentId": "Third"}}]
    assert pull_workflows(files.root, "live", stored(live, steps=changed), []) == [overlay]
    assert "agentId: Third" in overlay.read_text()
    assert "# ours" in overlay.read_text()
    assert files.base.read_text() == TEXT


def test_new_workflow_gets_a_file_of_its_own(files: WorkflowFiles) -> None:
    code = "text = inputs['message']\nresult = text.upper()\n"
    steps = [{"id": "a", "key": "a", "type": "code", "name": "", "config": {"source": code + "# ${x}\n"}}]
    found = WorkflowSet.model_validate({"workflows": [{"name": "Triage!", "steps": steps, "schedule": None}]})
    (written,) = pull_workflows(files.root, None, found, [])
    assert written.name == "triage-2.yaml"
    assert "source: |\n" in written.read_text()
    again = load_workflows(find_workflows(files.root, None))
    assert [(flow.name, flow.title) for flow in again] == [("triage", "Triage"), ("triage-2", "Triage!")]
    assert pull_workflows(files.root, None, found, []) == []
    content: Any = read_yaml(written, files)
    assert problems_of(content) == []


def test_one_form_keeps_comments_and_means_the_same(files: WorkflowFiles) -> None:
    mixed = TEXT.replace("kind: Workflow\n", "").replace("  edges:", "  description: x\n  edges:") + "kind: Workflow\n"
    files.base.write_text(mixed)
    before = load_workflow(files)
    for name, text in formatted_workflow(files).items():
        (files.folder / name).write_text(text)
    text = files.base.read_text()
    assert text.index("kind: Workflow") < text.index("spec:")
    assert text.index("description: x") < text.index("steps:")
    assert "# What came in." in text
    assert load_workflow(files) == before
    assert formatted_workflow(files) == {"triage.yaml": text}


def test_schema_knows_what_the_check_knows(files: WorkflowFiles) -> None:
    content: Any = read_yaml(files.base, files)
    assert problems_of(content) == []
    content["spec"]["steps"][0]["typ"] = "x"
    assert problems_of(content) != []


def test_names_choose_agents_and_workflows(files: WorkflowFiles) -> None:
    for name in ("triage", "support"):
        folder = files.root / "agents" / name
        folder.mkdir(parents=True)
        (folder / "agent.yaml").write_text("spec: {}\n")

    def chosen(*names: str) -> tuple[list[str], list[str]]:
        found = find_chosen(files.root, None, names)
        return [one.name for one in found.agents], [one.name for one in found.flows]

    assert chosen() == (["support", "triage"], ["triage"])
    assert chosen("triage") == (["triage"], ["triage"])
    assert chosen("workflows/triage") == ([], ["triage"])
    assert chosen("agents/triage") == (["triage"], [])
    assert chosen("support") == (["support"], [])
    with pytest.raises(WorkspaceError, match=r"workflows/none\.yaml: no such file"):
        chosen("workflows/none")
