"""Workflows: running them both ways (sections 3.7 and 5.1), and our own operations for saving and watching them."""

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import bearer_or, json_response, validate
from trivium.contracts.paging import clamp_limit
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify
from trivium.contracts.wisebot.names import time_text
from trivium.contracts.wisebot.wire_flows import (
    RunBody,
    flow_json,
    form_json,
    outcome_json,
    read_flow,
    run_json,
    shown_status,
    to_draft,
)
from trivium.core.errors import Conflict, InvalidRequest, NotAuthenticated
from trivium.core.model.json import JSONObject
from trivium.core.model.workflows import WorkflowRun
from trivium.core.platform import Platform

# What the example of section 3.7 waits for at most; the run itself goes on.
WAIT_S = 300.0
_KEPT_FIELDS = ("name", "description", "enabled", "steps", "edges", "webhook", "schedule", "events")
_RUN_STATUSES = ("queued", "running", "waiting", "succeeded", "failed", "cancelled")


class FlowRoutes:
    """The workflows of the caller's organization, and the trigger that knows no caller but a secret."""

    def __init__(self, platform: Platform, *, wait_s: float = WAIT_S) -> None:
        self._platform = platform
        self._workflows = platform.workflows
        self._wait_s = wait_s

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        flow, runs = "/api/v1/flows/{flow_id}", "/api/v1/runs/{run_id}"
        for path, call, method, summary in (
            ("/api/v1/flow/{flow_id}", self.run, "POST", "Run a workflow and wait"),
            ("/workflows/trigger", self.trigger, "POST", "Run a workflow by its secret"),
            ("/api/v1/flows", self.find, "GET", "List workflows"),
            ("/api/v1/flows", self.create, "POST", "Create a workflow"),
            ("/api/v1/flows/import", self.create, "POST", "Create a workflow from an export"),
            (flow, self.get, "GET", "Look at a workflow"),
            (flow, self.change, "PUT", "Change a workflow"),
            (flow, self.change, "PATCH", "Change a workflow"),
            (flow, self.remove, "DELETE", "Delete a workflow"),
            (f"{flow}/export", self.export, "GET", "Export a workflow"),
            (f"{flow}/versions", self.versions, "GET", "Saved versions of a workflow"),
            (f"{flow}/secret", self.rotate, "POST", "New secret of the trigger"),
            (f"{flow}/runs", self.runs, "GET", "Recent runs of a workflow"),
            (f"{flow}/runs", self.start, "POST", "Run a workflow without waiting"),
            ("/api/v1/runs", self.all_runs, "GET", "Recent runs of all workflows"),
            (runs, self.get_run, "GET", "Look at a run with its steps"),
            (f"{runs}/cancel", self.cancel, "POST", "Cancel a run"),
            (f"{runs}/rerun", self.rerun, "POST", "Run again, from a step"),
            (f"{runs}/steps/{{step_key}}/answer", self.answer, "POST", "Fill in the form of a human step"),
            ("/api/v1/forms", self.forms, "GET", "Forms that wait for a person"),
        ):
            router.add(path, call, methods=[method], summary=summary, tags=["Workflows"])

    async def run(self, request: Request, flow_id: str) -> Response:
        """Run and wait; a run that ran and failed is 200 with `ok` false, one that takes too long 504."""
        principal = await identify(self._platform, request)
        body = validate(RunBody, await request.json() if await request.body() else {})
        run = await self._workflows.start(
            principal.organization_id, flow_id, body.inputs, trigger="api", principal_id=principal.id
        )
        return await self._answer(run)

    async def trigger(self, request: Request) -> Response:
        """Run by secret with a flat body; 401 for a wrong secret and for an unknown workflow alike."""
        flow_id = request.query_params.get("workflowId", "")
        secret = bearer_or(request.headers, "x-workflow-secret")
        if not flow_id or not secret:
            raise NotAuthenticated("The workflow's secret is missing or wrong.")
        workflow = await self._workflows.authenticate(flow_id, secret)
        if not workflow.webhook_enabled:
            raise Conflict("The webhook of this workflow is switched off.", code="webhook_disabled")
        inputs = await request.json() if await request.body() else {}
        if not isinstance(inputs, dict):
            raise InvalidRequest("The body must be a JSON object.", code="invalid_json")
        run = await self._workflows.start(workflow.organization_id, workflow.id, inputs, trigger="webhook")
        if request.query_params.get("wait", "true").lower() in ("false", "0", "no"):
            return json_response({"ok": True, "runId": run.id, "status": "queued"}, 202)
        return await self._answer(run)

    async def find(self, request: Request) -> Response:
        """Return workflows, newest first."""
        principal = await identify(self._platform, request)
        limit, before = _page(request)
        found = await self._workflows.find(principal.organization_id, limit=limit, before=before)
        return json_response({"flows": [flow_json(one) for one in found]})

    async def create(self, request: Request) -> Response:
        """Save a new workflow; its secret is in this answer and nowhere else."""
        principal = await identify(self._platform, request, role="admin")
        draft = to_draft(read_flow(await request.json()))
        workflow, secret = await self._workflows.create(principal.organization_id, draft, created_by=principal.id)
        return json_response({**flow_json(workflow), "webhookSecret": secret}, 201)

    async def get(self, request: Request, flow_id: str) -> Response:
        """Return one workflow."""
        principal = await identify(self._platform, request)
        return json_response(flow_json(await self._workflows.get(principal.organization_id, flow_id)))

    async def change(self, request: Request, flow_id: str) -> Response:
        """Change what is given; with `If-Match` only that version."""
        principal = await identify(self._platform, request, role="admin")
        body = read_flow(await request.json())
        changed = await self._workflows.change(
            principal.organization_id,
            flow_id,
            to_draft(body),
            created_by=principal.id,
            if_version=_version(request.headers.get("if-match")),
        )
        return json_response(flow_json(changed))

    async def remove(self, request: Request, flow_id: str) -> Response:
        """Delete a workflow; 409 while runs of it go on."""
        principal = await identify(self._platform, request, role="admin")
        await self._workflows.remove(principal.organization_id, flow_id, removed_by=principal.id)
        return Response(status_code=204)

    async def export(self, request: Request, flow_id: str) -> Response:
        """Return what import takes: the workflow without ids, secrets and times."""
        principal = await identify(self._platform, request)
        shown = flow_json(await self._workflows.get(principal.organization_id, flow_id))
        return json_response({name: shown[name] for name in _KEPT_FIELDS})

    async def versions(self, request: Request, flow_id: str) -> Response:
        """Return who saved which version when."""
        principal = await identify(self._platform, request)
        await self._workflows.get(principal.organization_id, flow_id)
        found = await self._workflows.revisions(principal.organization_id, flow_id)
        versions: list[JSONObject] = [
            {"version": one.version, "createdAt": time_text(one.created_at), "createdBy": one.created_by}
            for one in found
        ]
        return json_response({"versions": versions})

    async def rotate(self, request: Request, flow_id: str) -> Response:
        """Return a new secret; the old one stops working at once."""
        principal = await identify(self._platform, request, role="admin")
        workflow, secret = await self._workflows.rotate_secret(principal.organization_id, flow_id)
        return json_response({**flow_json(workflow), "webhookSecret": secret})

    async def runs(self, request: Request, flow_id: str) -> Response:
        """Return runs, newest first."""
        principal = await identify(self._platform, request)
        await self._workflows.get(principal.organization_id, flow_id)
        limit, before = _page(request)
        found = await self._workflows.runs(principal.organization_id, workflow_id=flow_id, limit=limit, before=before)
        return json_response({"runs": [run_json(one) for one in found]})

    async def all_runs(self, request: Request) -> Response:
        """Return runs of every workflow, newest first; `status` narrows (`waiting`: for a person or a time)."""
        principal = await identify(self._platform, request)
        limit, before = _page(request)
        status = request.query_params.get("status")
        if status is not None and status not in _RUN_STATUSES:
            raise InvalidRequest("status must be one of " + ", ".join(_RUN_STATUSES), code="invalid_request")
        found = await self._workflows.runs(principal.organization_id, status=status, limit=limit, before=before)
        return json_response({"runs": [run_json(one) for one in found]})

    async def start(self, request: Request, flow_id: str) -> Response:
        """Run now, by hand, and answer at once."""
        principal = await identify(self._platform, request)
        body = validate(RunBody, await request.json() if await request.body() else {})
        run = await self._workflows.start(
            principal.organization_id, flow_id, body.inputs, trigger="manual", principal_id=principal.id
        )
        return json_response({"ok": True, "runId": run.id, "status": shown_status(run)}, 202)

    async def get_run(self, request: Request, run_id: str) -> Response:
        """Return a run with every step: status, input, output, error, times."""
        principal = await identify(self._platform, request)
        run = await self._workflows.run(principal.organization_id, run_id)
        return json_response(run_json(run, await self._workflows.step_runs(principal.organization_id, run_id)))

    async def cancel(self, request: Request, run_id: str) -> Response:
        """End a run; one that has ended is answered as it is."""
        principal = await identify(self._platform, request)
        return json_response(run_json(await self._workflows.cancel(principal.organization_id, run_id)))

    async def rerun(self, request: Request, run_id: str) -> Response:
        """Start a new run with the same inputs; with `fromStep` (a key) what lies before it is taken over."""
        principal = await identify(self._platform, request)
        body = await request.json() if await request.body() else {}
        from_step = body.get("fromStep") if isinstance(body, dict) else None
        if from_step is not None and not isinstance(from_step, str):
            raise InvalidRequest("fromStep must be the key of a step.", code="invalid_request")
        run = await self._workflows.rerun(principal.organization_id, run_id, from_step=from_step)
        return json_response(run_json(run), 202)

    async def forms(self, request: Request) -> Response:
        """Return the forms that wait, oldest first."""
        principal = await identify(self._platform, request)
        found = await self._workflows.forms(principal.organization_id, run_id=request.query_params.get("runId"))
        return json_response({"forms": [form_json(one) for one in found]})

    async def answer(self, request: Request, run_id: str, step_key: str) -> Response:
        """Fill in a form: `{"values": {…}}`; the run goes on by itself."""
        principal = await identify(self._platform, request)
        body = await request.json()
        values = body.get("values") if isinstance(body, dict) else None
        if not isinstance(values, dict):
            raise InvalidRequest("The body must hold the object `values`.", code="invalid_request")
        run = await self._workflows.answer(principal.organization_id, run_id, step_key, values, by=principal.id)
        return json_response(run_json(run), 202)

    async def _answer(self, run: WorkflowRun) -> Response:
        ended = await self._workflows.result(run.organization_id, run.id, timeout_s=self._wait_s)
        if ended.is_final:
            return json_response(outcome_json(ended))
        body = {
            **outcome_json(ended),
            "error": "Gateway Timeout",
            "message": f"The run did not end within {self._wait_s:g} seconds; look it up by its id.",
            "code": "timeout",
        }
        return json_response(body, 504)


def _page(request: Request) -> tuple[int, str | None]:
    text = request.query_params.get("limit", "")
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
    return clamp_limit(limit, default=50, maximum=200), request.query_params.get("before")


def _version(text: str | None) -> int | None:
    if text is None or text.strip() == "*":
        return None
    plain = text.strip().removeprefix("W/").strip('"')
    if not (plain.isascii() and plain.isdigit() and len(plain) < 10):
        raise InvalidRequest("If-Match must be a version.", code="invalid_request")
    return int(plain)
