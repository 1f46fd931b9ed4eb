"""Workflows that the server holds, written into files: comments, references and overlays stay."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trivium.cli.workspace.files import write, yaml_text
from trivium.cli.workspace.merging import Value, escaped
from trivium.cli.workspace.pulling import Pulling, blocks, folder_name
from trivium.cli.workspace.workflow_files import (
    FIELDS,
    IDENTITIES,
    KIND,
    Flow,
    WorkflowFiles,
    find_workflows,
    load_workflows,
    workflow_files,
)

if TYPE_CHECKING:
    from trivium_client import WorkflowSet

SCHEMA_LINE = "# yaml-language-server: $schema=../.trivium/workflow.schema.json\n"
# What a file need not say.
_DEFAULTS: dict[str, Value] = {"enabled": True, "webhook": {"enabled": True}}


def pull_workflows(root: Path, environment: str | None, found: "WorkflowSet", names: Sequence[str]) -> list[Path]:
    """Bring the files to what the server holds, and give workflows without a file one; return what was written.

    `names` are those to pull, by the names of their files or at the server; all without any.
    """
    known = {flow.title: flow for flow in load_workflows(find_workflows(root, environment))}
    taken = {flow.name for flow in known.values()}
    written: list[Path] = []
    for workflow in found.workflows:
        spec = workflow.model_dump(mode="json", by_alias=True, exclude_unset=True)
        flow = known.get(workflow.name)
        if names and workflow.name not in names and (flow is None or flow.name not in names):
            continue
        if flow is None:
            files = workflow_files(root, environment, folder_name(workflow.name, taken))
            written += _into_new(files, spec)
        else:
            written += _into_existing(flow, spec)
    return written


def _into_new(files: WorkflowFiles, spec: dict[str, Value]) -> list[Path]:
    ordered = {name: escaped(_short(name, spec[name])) for name in FIELDS if name in spec}
    content: dict[str, Value] = {"apiVersion": "v1", "kind": KIND, "spec": ordered}
    return [files.base] if write(files.base, SCHEMA_LINE + yaml_text(blocks(content))) else []


def _into_existing(flow: Flow, spec: dict[str, Value]) -> list[Path]:
    pulling = Pulling(files=flow.files, environment=os.environ, identities=IDENTITIES, is_ordered=True)
    said = {name: value for name, value in spec.items() if name in flow.spec or value != _DEFAULTS.get(name)}
    pulling.into_existing({name: _short(name, value) for name, value in said.items()})
    return pulling.written


def _short(name: str, value: Value) -> Value:
    """Return a field without the empty names of steps, which say nothing."""
    if name != "steps" or not isinstance(value, list):
        return value
    return [
        {key: item for key, item in step.items() if (key, item) != ("name", "")} if isinstance(step, dict) else step
        for step in value
    ]
