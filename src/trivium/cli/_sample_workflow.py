"""The sample organization's workflow: one Input step, and what it was told comes back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from trivium.core.errors import NotAuthenticated, NotFound
from trivium.core.model.workflows import Edge, Step
from trivium.core.platform import Draft

if TYPE_CHECKING:
    from trivium.core.platform import Platform

ID, SECRET = "WISEBOT_WORKFLOW_ID", "WISEBOT_WORKFLOW_SECRET"
_SAMPLE = Draft(
    name="Echo",
    description="Takes a message and gives it back.",
    steps=(
        Step(id="s1", key="message", type="input", name="Message", config={"field": "message", "required": True}),
        Step(
            id="s2",
            key="out",
            type="output",
            name="Result",
            config={"value": {"message": "{{message}}", "workflow": "{{run.workflow_id}}"}},
        ),
    ),
    edges=(Edge(source="s1", target="s2"),),
)


async def workflow_variables(platform: "Platform", organization_id: str, known: Mapping[str, str]) -> dict[str, str]:
    """Return id and secret of the sample workflow: those that are known while they are good, else new ones."""
    workflow_id, secret = known.get(ID, ""), known.get(SECRET, "")
    if await _is_good(platform, organization_id, workflow_id, secret):
        return {ID: workflow_id, SECRET: secret}
    try:
        workflow, secret = await platform.workflows.rotate_secret(organization_id, workflow_id)
    except NotFound:
        workflow, secret = await platform.workflows.create(organization_id, _SAMPLE)
    return {ID: workflow.id, SECRET: secret}


async def _is_good(platform: "Platform", organization_id: str, workflow_id: str, secret: str) -> bool:
    try:
        workflow = await platform.workflows.authenticate(workflow_id, secret)
    except NotAuthenticated:
        return False
    return workflow.organization_id == organization_id
