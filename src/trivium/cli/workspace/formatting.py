"""One form for the files of a workspace; comments stay."""

import glob
from typing import cast

from trivium.cli.workspace.files import SECTIONS, TOP_FIELDS, AgentFiles, read_yaml, yaml_text
from trivium.cli.workspace.merging import Value
from trivium.cli.workspace.workflow_files import EDGE_FIELDS, FIELDS, STEP_FIELDS, WorkflowFiles
from trivium.cli.workspace.workflow_files import TOP_FIELDS as WORKFLOW_TOP_FIELDS


def formatted(files: AgentFiles) -> dict[str, str]:
    """Return the text that each YAML file of an agent should have, by its name."""
    found = {}
    for file in sorted(files.folder.glob("agent*.yaml")):
        content = read_yaml(file, files, plain=False)
        if isinstance(content, dict):
            _order(content, TOP_FIELDS)
            if isinstance(content.get("spec"), dict):
                _order(cast("dict[str, Value]", content["spec"]), SECTIONS)
        found[file.name] = yaml_text(content)
    return found


def _order(content: dict[str, Value], names: tuple[str, ...]) -> None:
    """Bring the fields into this order, with what is not named last; comments move along."""
    wanted = [*(name for name in names if name in content), *(name for name in content if name not in names)]
    if list(content) == wanted:
        return
    move = getattr(content, "move_to_end", None)
    for name in wanted:
        if move is not None:
            move(name)


def formatted_workflow(files: WorkflowFiles) -> dict[str, str]:
    """Return the text that each YAML file of a workflow should have, by its name."""
    found = {}
    for file in sorted([files.base, *files.folder.glob(f"{glob.escape(files.slug)}.*.yaml")]):
        content = read_yaml(file, files, plain=False)
        if isinstance(content, dict):
            _order(content, WORKFLOW_TOP_FIELDS)
            spec = content.get("spec")
            if isinstance(spec, dict):
                _order(spec, FIELDS)
                _order_items(spec.get("steps"), STEP_FIELDS)
                _order_items(spec.get("edges"), EDGE_FIELDS)
        found[file.name] = yaml_text(content)
    return found


def _order_items(items: Value, names: tuple[str, ...]) -> None:
    for item in items if isinstance(items, list) else []:
        if isinstance(item, dict):
            _order(item, names)
