"""`trivium workflow`: run a workflow as yourself, or trigger it with its own secret."""

import json
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from trivium.cli._output import CONFIGURATION, FAILED, USAGE, StopError
from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import show_json

app = App(name="workflow", help="Run and trigger workflows.")
RUN_TIMEOUT_S = 300.0

Data = Annotated[str | None, Parameter(help="Inputs as a JSON object.")]
File = Annotated[Path | None, Parameter(help="File with the inputs as a JSON object; - is stdin.")]
Pairs = Annotated[list[str] | None, Parameter(name="--input", help="One input as key=value; may be repeated.")]


@app.command(name="list")
@remote
def list_workflows(*, remote: Remote = HERE) -> None:
    """List all workflows.

    Example: `trivium workflow list -o name`
    """
    with remote.wisebot() as client:
        remote.answer(client.workflows.list(), "id", "name", "enabled", "version", "updatedAt")


@app.command
@remote
def run(
    workflow_id: str, /, *, data: Data = None, file: File = None, pairs: Pairs = None, remote: Remote = HERE
) -> None:
    """Run a workflow and wait for its end; exit code 1 when the run failed.

    Example: `trivium workflow run wf_1 --input message="Where is my order?"`
    """
    with remote.wisebot() as client:
        found = client.workflows.run(workflow_id, inputs(data, file, pairs), timeout=remote.timeout or RUN_TIMEOUT_S)
    remote.answer(found, name="runId")
    if not found.ok:
        raise StopError(found.error or "The run failed.", status=FAILED, code="run_failed")


@app.command
@remote
def trigger(
    workflow_id: str,
    /,
    *,
    data: Data = None,
    file: File = None,
    pairs: Pairs = None,
    origin: Annotated[str | None, Parameter(help="Address that takes triggers; the server's unless set.")] = None,
    secret: Annotated[str | None, Parameter(help="The workflow's secret; WISEBOT_WORKFLOW_SECRET.")] = None,
    wait: Annotated[bool, Parameter(help="Return before the run has ended.", negative="--no-wait")] = True,
    remote: Remote = HERE,
) -> None:
    """Trigger a workflow with its secret, as a foreign system does; prints the answer as it came.

    Example: `trivium workflow trigger wf_1 --data '{"message": "hello"}'`
    """
    from trivium_client import trigger_workflow

    settings = remote.settings
    key = secret or settings.get("workflow-secret")
    if not key:
        raise StopError(
            "No secret of the workflow.",
            hint="Say --secret, or set WISEBOT_WORKFLOW_SECRET.",
            status=CONFIGURATION,
            code="missing_key",
        )
    found = trigger_workflow(
        origin or settings.get("trigger-origin") or remote.server,
        key,
        workflow_id,
        inputs(data, file, pairs),
        wait=wait,
        timeout=remote.timeout or RUN_TIMEOUT_S,
    )
    print(found.text)
    if _has_failed(found.content):
        raise StopError("The run failed.", status=FAILED, code="run_failed")


@app.command
@remote
def runs(workflow_id: str, /, *, remote: Remote = HERE) -> None:
    """List the runs of a workflow, the newest first.

    Example: `trivium workflow runs wf_1`
    """
    with remote.wisebot() as client:
        remote.answer(client.workflows.runs(workflow_id), "id", "status", "trigger", "startedAt", "finishedAt")


@app.command
@remote
def show(workflow_id: str, /, *, remote: Remote = HERE) -> None:
    """Print a workflow with its steps, as it can be saved again.

    Example: `trivium workflow show wf_1 > triage.json`
    """
    with remote.wisebot() as client:
        show_json(client.workflows.get(workflow_id).model_dump(mode="json", by_alias=True))


@app.command
@remote
def save(
    file: Path,
    /,
    *,
    workflow_id: Annotated[str | None, Parameter(help="Save over this one.")] = None,
    remote: Remote = HERE,
) -> None:
    """Save a workflow from a JSON file; prints its id.

    Example: `trivium workflow save triage.json --workflow-id wf_1`
    """
    definition = _object(file.read_text("utf-8"), str(file))
    with remote.wisebot() as client:
        save = client.workflows
        made = save.create(definition) if workflow_id is None else save.replace(workflow_id, definition)
    if remote.form == "table":
        print(made.id)
    else:
        remote.answer(made)


def inputs(data: str | None, file: Path | None, pairs: list[str] | None) -> dict[str, object]:
    """Return the inputs of a run: a JSON object from an option, a file or stdin, and single values on top."""
    given: dict[str, object] = {}
    if data is not None:
        given = _object(data, "--data")
    elif file is not None:
        given = _object(sys.stdin.read() if str(file) == "-" else file.read_text("utf-8"), str(file))
    elif not pairs and not sys.stdin.isatty() and (text := sys.stdin.read()).strip():
        given = _object(text, "stdin")
    for pair in pairs or []:
        key, sign, value = pair.partition("=")
        if not sign or not key:
            raise StopError(f"--input takes key=value, not {pair!r}.", status=USAGE, code="usage")
        given[key] = value
    return given


def _object(text: str, where: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise StopError(f"{where} is not JSON: {error}", status=USAGE, code="usage") from error
    if not isinstance(found, dict):
        raise StopError(f"{where} is not a JSON object.", status=USAGE, code="usage")
    return found


def _has_failed(content: bytes) -> bool:
    try:
        found = json.loads(content)
    except ValueError:
        return False
    return isinstance(found, dict) and found.get("ok") is False
