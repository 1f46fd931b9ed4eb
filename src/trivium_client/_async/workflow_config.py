"""Workflows as configuration: all of an organization's in one document."""

from collections.abc import Sequence
from typing import TypeAlias

from trivium_client._async.client import AsyncResource
from trivium_client._async.transport import content_of, parsed, refusal
from trivium_client._call import Call
from trivium_client._json import JsonInput
from trivium_client.models.workflow_config import WorkflowApplyResult, WorkflowDrift, WorkflowSet

Workflows: TypeAlias = "WorkflowSet | JsonInput"


class AsyncWorkflowConfig(AsyncResource):
    """Exports, plans and applies all workflows at once; for keys of both contracts and for signed-in people."""

    async def export(self) -> WorkflowSet:
        """Return every workflow, with names for what its steps refer to. Its `etag` names this state."""
        return await self._transport.fetch(WorkflowSet, Call(method="GET", path="/api/v1/flows/config"))

    async def apply(
        self,
        document: Workflows,
        *,
        dry_run: bool = False,
        prune: bool | None = None,
        if_match: str | None = None,
        plan_hash: str | None = None,
        max_deletes: int | None = None,
        new_agents: Sequence[str] = (),
    ) -> WorkflowApplyResult:
        """Bring the workflows to the state in the document, or with `dry_run` only plan it.

        A partial failure (HTTP 422) is returned, not raised: see `failed`. With `prune` what the document leaves out
        is deleted. With `if_match` or `plan_hash` the call raises Conflict (412) when the workflows or the plan are no
        longer those, with `max_deletes` when more would go. A dry run may name `new_agents`: agents that will be there
        at the apply.
        """
        call = Call(
            method="POST",
            path="/api/v1/flows/apply",
            params={"dryRun": True} if dry_run else {},
            body=_body(document, prune, new_agents),
            headers=_conditions(if_match, plan_hash, max_deletes),
            accepts=frozenset({422}),
            conflict_passes=False,
        )
        raw = await self._transport.send(call)
        if raw.status == 422 and b'"plan"' not in raw.content:
            raise refusal(raw)
        result = parsed(WorkflowApplyResult, content_of(raw, None), raw)
        result.attach(raw)
        return result

    async def drift(self) -> WorkflowDrift:
        """Return what changed since the last apply, and who did it."""
        return await self._transport.fetch(WorkflowDrift, Call(method="GET", path="/api/v1/flows/drift"))


def _body(document: Workflows, prune: bool | None, new_agents: Sequence[str]) -> dict[str, object]:
    """Return the document as apply takes it. A field that was set to None is sent as null, which clears it."""
    if isinstance(document, WorkflowSet):
        body: dict[str, object] = document.model_dump(mode="json", by_alias=True, exclude_unset=True)
    else:
        body = {**document}
    if new_agents:
        body["newAgents"] = [*new_agents]
    return body if prune is None else {**body, "prune": prune}


def _conditions(if_match: str | None, plan_hash: str | None, max_deletes: int | None) -> dict[str, str]:
    given = {
        "if-match": if_match,
        "plan-hash": plan_hash,
        "max-deletes": None if max_deletes is None else str(max_deletes),
    }
    return {name: value for name, value in given.items() if value is not None}
