"""`trivium admin device`: sign in a machine from the server's own shell."""

from typing import Annotated

from cyclopts import App, Parameter

from trivium.cli._open import opened
from trivium.cli._options import NOTHING, Common
from trivium.cli._output import show_record

app = App(name="device", help="Answer machines that ask to be signed in, for a person.")


@app.command
async def approve(
    code: str,
    /,
    *,
    email: Annotated[str, Parameter(help="Whom the machine acts for.")],
    org: Annotated[str | None, Parameter(help="Organization, by id or name; the first they joined otherwise.")] = None,
    common: Common = NOTHING,
) -> None:
    """Let the machine that shows a code act for a person, and print its name.

    Example: trivium admin device approve BCDF-GHJK --email ann@example.com
    """
    async with opened(common.settings()) as desk:
        organization_id = None if org is None else (await desk.organization(org)).id
        issued = await desk.access.issue_token(email, organization_id=organization_id, lifetime_s=60.0)
        person = await desk.access.authenticate(issued.token)
        done = await desk.access.devices.decide(person, code, is_approved=True)
    record = {"device": done.name, "email": issued.email, "organization_id": done.organization_id, "role": done.role}
    show_record(record, form=common.form, main="device")
