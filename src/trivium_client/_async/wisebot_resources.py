"""The groups of methods that a key and a dashboard token may both use."""

from collections.abc import AsyncIterator, Sequence

from trivium_client._async.client import AsyncResource
from trivium_client._call import Call, path
from trivium_client._json import JsonInput, JsonObject
from trivium_client._model import Items
from trivium_client._upload import FileInput, Progress, upload_of
from trivium_client.models.wisebot import (
    Activity,
    Agent,
    AgentRun,
    AgentRunDetail,
    Booking,
    Flow,
    FlowRun,
    FlowRunDetail,
    FlowVersion,
    FlowWithSecret,
    KnowledgeFile,
    ResolvedFile,
    RunEvent,
    Status,
    ToolSecret,
    UploadedFile,
    WaitingForm,
    WorkflowResult,
)

CREATE_TIMEOUT_S = 120.0
LONG_TIMEOUT_S = 300.0
PAGE_SIZE = 100


class AsyncActivityLog(AsyncResource):
    """What happened lately."""

    async def list(self, *, limit: int | None = None) -> Activity:
        """Return the newest lines: 15 unless told otherwise, at most 50."""
        call = Call(method="GET", path="/api/v1/activity", params={"limit": limit})
        return await self._transport.fetch(Activity, call)


class AsyncV1(AsyncResource):
    """The organization at a glance."""

    @property
    def activity(self) -> AsyncActivityLog:
        """Return what happened lately."""
        return AsyncActivityLog(self._transport)

    async def status(self) -> Status:
        """Return the organization in numbers."""
        return await self._transport.fetch(Status, Call(method="GET", path="/api/v1/status"))


class AsyncAgents(AsyncResource):
    """Configured assistants."""

    async def list(self) -> Items[Agent]:
        """Return all of them."""
        return await self._transport.fetch_items(Agent, Call(method="GET", path="/api/v1/agents", unwrap="agents"))

    async def create(self, name: str, model: str, tools: Sequence[JsonInput] | None = None, **fields: object) -> Agent:
        """Make one. Tools are what `Tools.…` returns; further arguments are fields as the wire spells them."""
        body = {"name": name, "model": model, **({"tools": [*tools]} if tools is not None else {}), **fields}
        call = Call(method="POST", path="/api/v1/agents", body=body, timeout=CREATE_TIMEOUT_S)
        return await self._transport.fetch(Agent, call)

    async def get(self, agent_id: str) -> Agent:
        """Return one; raises NotFound."""
        return await self._transport.fetch(Agent, Call(method="GET", path=path("/api/v1/agents/{}", agent_id)))

    async def update(self, agent_id: str, fields: JsonInput) -> Agent:
        """Change fields."""
        call = Call(method="PATCH", path=path("/api/v1/agents/{}", agent_id), body={**fields})
        return await self._transport.fetch(Agent, call)

    async def delete(self, agent_id: str) -> None:
        """Delete one."""
        await self._transport.send(Call(method="DELETE", path=path("/api/v1/agents/{}", agent_id)))

    async def secrets(self, agent_id: str) -> Items[ToolSecret]:
        """Return the secrets that custom tools may name, without their values."""
        call = Call(method="GET", path=path("/api/v1/agents/{}/secrets", agent_id), unwrap="secrets")
        return await self._transport.fetch_items(ToolSecret, call)

    async def put_secret(self, agent_id: str, name: str, value: str) -> ToolSecret:
        """Write a secret that custom tools name in `auth.secret`."""
        call = Call(method="PUT", path=path("/api/v1/agents/{}/secrets/{}", agent_id, name), body={"value": value})
        return await self._transport.fetch(ToolSecret, call)

    async def delete_secret(self, agent_id: str, name: str) -> None:
        """Delete a secret of custom tools; raises NotFound."""
        await self._transport.send(Call(method="DELETE", path=path("/api/v1/agents/{}/secrets/{}", agent_id, name)))


class AsyncKnowledge(AsyncResource):
    """Files that agents answer from."""

    async def list(self, *, limit: int | None = None) -> Items[KnowledgeFile]:
        """Return the newest: 25 unless told otherwise, at most 100."""
        call = Call(method="GET", path="/api/v1/knowledge-files", params={"limit": limit}, unwrap="files")
        return await self._transport.fetch_items(KnowledgeFile, call)

    async def upload(
        self,
        file: FileInput,
        *,
        name: str | None = None,
        content_type: str | None = None,
        folder_path: str | None = None,
        on_progress: Progress | None = None,
        timeout: float = LONG_TIMEOUT_S,
    ) -> UploadedFile:
        """Add a file: a path, bytes with a `name`, or an open binary file. It is indexed in the background."""
        upload = upload_of(
            file, name=name, content_type=content_type, fields={"folderPath": folder_path}, progress=on_progress
        )
        call = Call(method="POST", path="/api/v1/knowledge-files", upload=upload, timeout=timeout)
        return await self._transport.fetch(UploadedFile, call)

    async def resolve(self, label: str) -> ResolvedFile:
        """Return which file a label means; raises NotFound, or Conflict when it means several."""
        call = Call(method="GET", path="/api/v1/knowledge-files/resolve", params={"label": label})
        return await self._transport.fetch(ResolvedFile, call)

    async def get(self, file_id: str) -> KnowledgeFile:
        """Return one, with how far its indexing has come; raises NotFound."""
        call = Call(method="GET", path=path("/api/v1/knowledge-files/{}", file_id))
        return await self._transport.fetch(KnowledgeFile, call)

    async def download(self, file_id: str) -> bytes:
        """Return the bytes that were uploaded, at most 25 MiB."""
        call = Call(method="GET", path=path("/files/{}/file", file_id), timeout=LONG_TIMEOUT_S)
        return (await self._transport.send(call)).content

    async def delete(self, file_id: str) -> None:
        """Remove a file; no answer cites it from then on."""
        await self._transport.send(Call(method="DELETE", path=path("/api/v1/knowledge-files/{}", file_id)))


class AsyncWorkflows(AsyncResource):
    """Diagrams that run."""

    async def run(
        self, workflow_id: str, inputs: JsonInput | None = None, *, timeout: float = LONG_TIMEOUT_S
    ) -> WorkflowResult:
        """Run one and wait for its end. A run that failed is returned: its `ok` is false."""
        call = Call(
            method="POST",
            path=path("/api/v1/flow/{}", workflow_id),
            body={"inputs": {**(inputs or {})}},
            timeout=timeout,
        )
        return await self._transport.fetch(WorkflowResult, call)

    async def list(self, *, limit: int | None = None, before: str | None = None) -> Items[Flow]:
        """Return a page, the newest first: 50 unless told otherwise, at most 200; `before` is the id of a workflow."""
        call = Call(method="GET", path="/api/v1/flows", params={"limit": limit, "before": before}, unwrap="flows")
        return await self._transport.fetch_items(Flow, call)

    def iterate(self, *, page_size: int = PAGE_SIZE) -> AsyncIterator[Flow]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path="/api/v1/flows", unwrap="flows")
        return self._transport.iterate_before(Flow, call, page_size)

    async def create(self, definition: JsonInput) -> FlowWithSecret:
        """Save a new workflow; raises BadRequest that names the step at fault."""
        return await self._transport.fetch(
            FlowWithSecret, Call(method="POST", path="/api/v1/flows", body={**definition})
        )

    async def get(self, workflow_id: str) -> Flow:
        """Return one with its steps; raises NotFound."""
        return await self._transport.fetch(Flow, Call(method="GET", path=path("/api/v1/flows/{}", workflow_id)))

    async def replace(self, workflow_id: str, definition: JsonInput, *, if_version: int | None = None) -> Flow:
        """Save a new version of one; with `if_version` raises Conflict when it is no longer that version."""
        call = Call(
            method="PUT",
            path=path("/api/v1/flows/{}", workflow_id),
            body={**definition},
            headers=only_version(if_version),
            conflict_passes=False,
        )
        return await self._transport.fetch(Flow, call)

    async def update(self, workflow_id: str, fields: JsonInput, *, if_version: int | None = None) -> Flow:
        """Change fields, such as `enabled` or `schedule`; the others stay. `if_version` is as in `replace`."""
        call = Call(
            method="PATCH",
            path=path("/api/v1/flows/{}", workflow_id),
            body={**fields},
            headers=only_version(if_version),
            conflict_passes=False,
        )
        return await self._transport.fetch(Flow, call)

    async def export(self, workflow_id: str) -> JsonObject:
        """Return what `import_definition` takes: the workflow without ids, secrets and times."""
        call = Call(method="GET", path=path("/api/v1/flows/{}/export", workflow_id))
        return (await self._transport.send(call)).json()

    async def import_definition(self, definition: JsonInput) -> FlowWithSecret:
        """Save what `export` returned as a new workflow, here or in another organization."""
        call = Call(method="POST", path="/api/v1/flows/import", body={**definition})
        return await self._transport.fetch(FlowWithSecret, call)

    async def delete(self, workflow_id: str) -> None:
        """Delete one."""
        await self._transport.send(Call(method="DELETE", path=path("/api/v1/flows/{}", workflow_id)))

    async def start(self, workflow_id: str, inputs: JsonInput | None = None) -> WorkflowResult:
        """Run one and return at once; ask for the run by its id."""
        call = Call(method="POST", path=path("/api/v1/flows/{}/runs", workflow_id), body={"inputs": {**(inputs or {})}})
        return await self._transport.fetch(WorkflowResult, call)

    async def get_run(self, run_id: str) -> FlowRunDetail:
        """Return a run of a workflow with every step; raises NotFound."""
        return await self._transport.fetch(FlowRunDetail, Call(method="GET", path=path("/api/v1/runs/{}", run_id)))

    async def cancel_run(self, run_id: str) -> FlowRun:
        """End a run of a workflow; one that has ended is returned as it is."""
        return await self._transport.fetch(FlowRun, Call(method="POST", path=path("/api/v1/runs/{}/cancel", run_id)))

    async def rerun(self, run_id: str, *, from_step: str | None = None) -> FlowRun:
        """Run again with the same inputs, from a step (by its key) where one is named."""
        body = {"fromStep": from_step} if from_step else {}
        call = Call(method="POST", path=path("/api/v1/runs/{}/rerun", run_id), body=body)
        return await self._transport.fetch(FlowRun, call)

    async def forms(self, *, run_id: str | None = None) -> Items[WaitingForm]:
        """Return the forms that wait for a person, the oldest first."""
        call = Call(method="GET", path="/api/v1/forms", params={"runId": run_id}, unwrap="forms")
        return await self._transport.fetch_items(WaitingForm, call)

    async def answer_form(self, run_id: str, step_key: str, values: JsonInput) -> FlowRun:
        """Fill in a form; the run goes on by itself."""
        call = Call(
            method="POST",
            path=path("/api/v1/runs/{}/steps/{}/answer", run_id, step_key),
            body={"values": {**values}},
        )
        return await self._transport.fetch(FlowRun, call)

    async def rotate_secret(self, workflow_id: str) -> FlowWithSecret:
        """Make a new secret of the trigger; it is in `webhookSecret`, this once."""
        return await self._transport.fetch(
            FlowWithSecret, Call(method="POST", path=path("/api/v1/flows/{}/secret", workflow_id))
        )

    async def versions(self, workflow_id: str) -> Items[FlowVersion]:
        """Return who saved which version when."""
        call = Call(method="GET", path=path("/api/v1/flows/{}/versions", workflow_id), unwrap="versions")
        return await self._transport.fetch_items(FlowVersion, call)

    async def all_runs(
        self, *, limit: int | None = None, before: str | None = None, status: str | None = None
    ) -> Items[FlowRun]:
        """Return a page of the runs of all workflows, the newest first: 50 unless told otherwise, at most 200."""
        params = {"limit": limit, "before": before, "status": status}
        return await self._transport.fetch_items(
            FlowRun, Call(method="GET", path="/api/v1/runs", params=params, unwrap="runs")
        )

    async def runs(self, workflow_id: str, *, limit: int | None = None, before: str | None = None) -> Items[FlowRun]:
        """Return a page of its runs, the newest first: 50 unless told otherwise, at most 200."""
        call = Call(
            method="GET",
            path=path("/api/v1/flows/{}/runs", workflow_id),
            params={"limit": limit, "before": before},
            unwrap="runs",
        )
        return await self._transport.fetch_items(FlowRun, call)

    def iterate_runs(self, workflow_id: str, *, page_size: int = PAGE_SIZE) -> AsyncIterator[FlowRun]:
        """Yield all its runs, fetching page after page."""
        call = Call(method="GET", path=path("/api/v1/flows/{}/runs", workflow_id), unwrap="runs")
        return self._transport.iterate_before(FlowRun, call, page_size)


class AsyncRuns(AsyncResource):
    """Runs of agents."""

    async def list(
        self,
        *,
        limit: int | None = None,
        before: str | None = None,
        status: str | None = None,
        agent_id: str | None = None,
    ) -> Items[AgentRun]:
        """Return a page, the newest first: 20 unless told otherwise, at most 200; `before` is the id of a run."""
        call = Call(
            method="GET",
            path="/api/v1/agent-runs",
            params={"limit": limit, "before": before, "status": status, "agentId": agent_id},
            unwrap="runs",
        )
        return await self._transport.fetch_items(AgentRun, call)

    def iterate(
        self, *, status: str | None = None, agent_id: str | None = None, page_size: int = PAGE_SIZE
    ) -> AsyncIterator[AgentRun]:
        """Yield all of them, fetching page after page."""
        call = Call(
            method="GET", path="/api/v1/agent-runs", params={"status": status, "agentId": agent_id}, unwrap="runs"
        )
        return self._transport.iterate_before(AgentRun, call, page_size)

    async def get(self, run_id: str) -> AgentRunDetail:
        """Return one with its answer; raises NotFound."""
        return await self._transport.fetch(
            AgentRunDetail, Call(method="GET", path=path("/api/v1/agent-runs/{}", run_id))
        )

    async def events(self, run_id: str, *, after: int | None = None) -> Items[RunEvent]:
        """Return at most 500 events of a run after a sequence number, without waiting for more."""
        call = Call(
            method="GET", path=path("/api/v1/agent-runs/{}/events", run_id), params={"after": after}, unwrap="events"
        )
        return await self._transport.fetch_items(RunEvent, call)

    async def cancel(self, run_id: str) -> AgentRun:
        """End a run; what it did so far stays."""
        call = Call(method="POST", path=path("/api/v1/agent-runs/{}/cancel", run_id))
        return await self._transport.fetch(AgentRun, call)

    async def decide(self, run_id: str, approval_id: str, *, approve: bool) -> AgentRun:
        """Allow or refuse a tool that waits for a person."""
        call = Call(
            method="POST",
            path=path("/api/v1/agent-runs/{}/approvals/{}", run_id, approval_id),
            body={"approved": approve},
        )
        return await self._transport.fetch(AgentRun, call)


class AsyncBookings(AsyncResource):
    """Appointments that agents made."""

    async def list(self, *, limit: int | None = None, before: str | None = None) -> Items[Booking]:
        """Return a page, the ones booked last first: 50 unless told otherwise, at most 200; `before` is an id."""
        params = {"limit": limit, "before": before}
        call = Call(method="GET", path="/api/v1/bookings", params=params, unwrap="bookings")
        return await self._transport.fetch_items(Booking, call)

    def iterate(self, *, page_size: int = PAGE_SIZE) -> AsyncIterator[Booking]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path="/api/v1/bookings", unwrap="bookings")
        return self._transport.iterate_before(Booking, call, page_size)

    async def cancel(self, booking_id: str) -> Booking:
        """Cancel one; its time is free again. One that is cancelled is returned as it is."""
        call = Call(method="POST", path=path("/api/v1/bookings/{}/cancel", booking_id))
        return await self._transport.fetch(Booking, call)


def only_version(version: int | None) -> dict[str, str]:
    """Return the header that makes a change fail when there is another version by now."""
    return {} if version is None else {"if-match": f'"{version}"'}
