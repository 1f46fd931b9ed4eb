"""`trivium knowledge`: files that agents answer from."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from trivium.cli._output import FAILED, StopError
from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import confirm, say
from trivium.cli.remote_progress import Bar

if TYPE_CHECKING:
    from trivium_client import Wisebot
    from trivium_client.models.wisebot import KnowledgeFile

app = App(name="knowledge", help="Files that agents answer from.")
POLL_S = 0.5
INDEX_TIMEOUT_S = 600.0
LISTED_MAX = 100


@app.command(name="list")
@remote
def list_files(*, limit: Annotated[int, Parameter(help="How many, at most 100.")] = 25, remote: Remote = HERE) -> None:
    """List the newest files.

    Example: `trivium knowledge list --limit 100`
    """
    with remote.wisebot() as client:
        found = client.knowledge.list(limit=limit)
        remote.answer(found, "id", "name", "folderPath", "status", "size", "createdAt", name="name")


@app.command
@remote
def upload(
    *files: Path,
    folder: Annotated[str | None, Parameter(help="Folder to put them in.")] = None,
    wait: Annotated[bool, Parameter(help="Return when they are indexed.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Upload files; they are indexed in the background.

    Example: `trivium knowledge upload refund-policy.pdf handbook.md --folder Legal --wait`
    """
    uploaded = []
    with remote.wisebot() as client:
        for file in files:
            with Bar(file.name, unit="B", quiet=remote.quiet) as bar:
                uploaded.append(client.knowledge.upload(file, folder_path=folder, on_progress=bar))
        rows = [file.model_dump(mode="json", by_alias=True) for file in uploaded]
        if wait:
            _wait_for(client, [file.name for file in uploaded], remote)
    remote.show(rows, "id", "name", "status", "url", name="name")


@app.command
@remote
def resolve(label: str, /, *, remote: Remote = HERE) -> None:
    """Show which file a label means.

    Example: `trivium knowledge resolve refund-policy.pdf`
    """
    with remote.wisebot() as client:
        remote.answer(client.knowledge.resolve(label), name="fileId")


@app.command
@remote
def delete(
    file_id: str, /, *, yes: Annotated[bool, Parameter(help="Do not ask.", negative=())] = False, remote: Remote = HERE
) -> None:
    """Remove a file; no answer cites it from then on.

    Example: `trivium knowledge delete kf_1 --yes`
    """
    confirm(f"Remove the file {file_id}?", yes=yes)
    with remote.wisebot() as client:
        client.knowledge.delete(file_id)
    say("Removed.")


def _wait_for(client: "Wisebot", names: list[str], remote: Remote) -> None:
    """Wait until no file of these names is processed any more; raises StopError when one failed."""
    found: dict[str, KnowledgeFile] = {}
    with Bar("indexing", unit="files", quiet=remote.quiet) as bar:
        for _ in range(int(INDEX_TIMEOUT_S / POLL_S)):
            found = {file.name: file for file in client.knowledge.list(limit=LISTED_MAX) if file.name in names}
            busy = [file for file in found.values() if file.status == "processing"]
            bar(len(names) - len(busy), len(names))
            if not busy:
                break
            time.sleep(POLL_S)
    failed = [f"{file.name}: {file.error or 'failed'}" for file in found.values() if file.status == "failed"]
    if failed:
        raise StopError("; ".join(failed), status=FAILED, code="not_indexed")
