"""`trivium admin workflow`: saving workflows on the data folder itself."""

import json
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from pydantic import ValidationError

from trivium.adapters.calendar import CronCalendar
from trivium.cli._open import opened
from trivium.cli._options import NOTHING, Common
from trivium.cli._output import StopError, show_record, show_rows
from trivium.contracts.wisebot.wire_flows import FlowBody, to_draft
from trivium.core.errors import CoreError
from trivium.core.platform import Draft, stored_workflows

app = App(name="workflow", help="Workflows: diagrams that run.")

Org = Annotated[str, Parameter(name="--org", help="Organization, by id or name.")]
_FILE_BYTES_MAX = 5_000_000


@app.command(name="create")
async def create(
    *,
    org: Org,
    file: Annotated[Path, Parameter(help="The workflow as JSON: name, steps, edges.")],
    common: Common = NOTHING,
) -> None:
    """Save a workflow and print two lines: its id, and its secret, which is shown only now.

    Example: trivium admin workflow create --org Acme --file triage.json
    """
    draft = _draft(file)
    async with opened(common.settings()) as desk:
        organization = await desk.organization(org)
        workflows = stored_workflows(desk.store, desk.clock, CronCalendar())
        try:
            made, secret = await workflows.create(organization.id, draft)
        except CoreError as error:
            raise StopError(error.message, hint=f"Correct {file} and try again.", code=error.code) from error
    record = {"id": made.id, "secret": secret, "name": made.name, "organization_id": organization.id}
    show_record(record, form=common.form, main="id")
    if common.form == "table":
        print(secret)


@app.command(name="list")
async def find(*, org: Org, common: Common = NOTHING) -> None:
    """List the workflows of an organization.

    Example: trivium admin workflow list --org Acme
    """
    async with opened(common.settings()) as desk:
        organization = await desk.organization(org)
        found = await stored_workflows(desk.store, desk.clock, CronCalendar()).find(organization.id, limit=1_000)
    rows = [
        {"id": one.id, "name": one.name, "enabled": one.enabled, "version": one.version, "updated_at": one.updated_at}
        for one in found
    ]
    show_rows("workflows", rows, ("id", "name", "enabled", "version", "updated_at"), form=common.form)


def _draft(file: Path) -> Draft:
    try:
        if file.stat().st_size > _FILE_BYTES_MAX:
            raise StopError(f"{file} is larger than {_FILE_BYTES_MAX} bytes.", code="too_large")
        return to_draft(FlowBody.model_validate(json.loads(file.read_text("utf-8"))))
    except OSError as error:
        raise StopError(f"{file} cannot be read: {error.strerror}.", code="no_file") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise StopError(f"{file}: {place}: {first['msg']}.", code="invalid_workflow") from error
    except ValueError as error:
        raise StopError(f"{file} is not JSON: {error}.", code="invalid_json") from error
