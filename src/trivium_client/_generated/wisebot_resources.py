# Written by `make generate` from ../_async/wisebot_resources.py; edits here are lost.
"""The groups of methods that a key and a dashboard token may both use."""

from collections.abc import Iterator, Sequence

from trivium_client._generated.client import Resource
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


class ActivityLog(Resource):
    """What happened lately."""

    def list(self, *, limit: int | None = None) -> Activity:
        """Return the newest lines: 15 unless told otherwise, at most 50."""
        call = Call(method="GET", path="/api/v1/activity", params={"limit": limit})
        return self._transport.fetch(Activity, call)


class V1(Resource):
    """The organization at a glance."""

    @property
    def activity(self) -> ActivityLog:
        """Return what happened lately."""
        return ActivityLog(self._transport)

    def status(self) -> Status:
        """Return the organization in numbers."""
        return self._transport.fetch(Status, Call(method="GET", path="/api/v1/status"))


class Agents(Resource):
    """Configured assistants."""

    def list(self) -> Items[Agent]:
        """Return all of them."""
        return self._transport.fetch_items(Agent, Call(method="GET", path="/api/v1/agents", unwrap="agents"))

    def create(self, name: str, model: str, tools: Sequence[JsonInput] | None = None, **fields: object) -> Agent:
        """Make one. Tools are what `Tools.…` returns; further arguments are fields as the wire spells them."""
        body = {"name": name, "model": model, **({"tools": [*tools]} if tools is not None else {}), **fields}
        call = Call(method="POST", path="/api/v1/agents", body=body, timeout=CREATE_TIMEOUT_S)
        return self._transport.fetch(Agent, call)

    def get(self, agent_id: str) -> Agent:
        """Return one; raises NotFound."""
        return self._transport.fetch(Agent, Call(method="GET", path=path("/api/v1/agents/{}", agent_id)))

    def update(self, agent_id: str, fields: JsonInput) -> Agent:
        """Change fields."""
        call = Call(method="PATCH", path=path("/api/v1/agents/{}", agent_id), body={**fields})
        return self._transport.fetch(Agent, call)

    def delete(self, agent_id: str) -> None:
        """Delete one."""
        self._transport.send(Call(method="DELETE", path=path("/api/v1/agents/{}", agent_id)))

    def secrets(self, agent_id: str) -> Items[ToolSecret]:
        """Return the secrets that custom tools may name, without their values."""
        call = Call(method="GET", path=path("/api/v1/agents/{}/secrets", agent_id), unwrap="secrets")
        return self._transport.fetch_items(ToolSecret, call)

    def put_secret(self, agent_id: str, name: str, value: str) -> ToolSecret:
        """Write a secret that custom tools name in `auth.secret`."""
        call = Call(method="PUT", path=path("/api/v1/agents/{}/secrets/{}", agent_id, name), body={"value": value})
        return self._transport.fetch(ToolSecret, call)

    def delete_secret(self, agent_id: str, name: str) -> None:
        """Delete a secret of custom tools; raises NotFound."""
        self._transport.send(Call(method="DELETE", path=path("/api/v1/agents/{}/secrets/{}", agent_id, name)))


class Knowledge(Resource):
    """Files that agents answer from."""

    def list(self, *, limit: int | None = None) -> Items[KnowledgeFile]:
        """Return the newest: 25 unless told otherwise, at most 100."""
        call = Call(method="GET", path="/api/v1/knowledge-files", params={"limit": limit}, unwrap="files")
        return self._transport.fetch_items(KnowledgeFile, call)

    def upload(
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
        return self._transport.fetch(UploadedFile, call)

    def resolve(self, label: str) -> ResolvedFile:
        """Return which file a label means; raises NotFound, or Conflict when it means several."""
        call = Call(method="GET", path="/api/v1/knowledge-files/resolve", params={"label": label})
        return self._transport.fetch(ResolvedFile, call)

    def get(self, file_id: str) -> KnowledgeFile:
        """Return one, with how far its indexing has come; raises NotFound."""
        call = Call(method="GET", path=path("/api/v1/knowledge-files/{}", file_id))
        return self._transport.fetch(KnowledgeFile, call)

    def download(self, file_id: str) -> bytes:
        """Return the bytes that were uploaded, at most 25 MiB."""
        call = Call(method="GET", path=path("/files/{}/file", file_id), timeout=LONG_TIMEOUT_S)
        return (self._transport.send(call)).content

    def delete(self, file_id: str) -> None:
        """Remove a file; no answer cites it from then on."""
        self._transport.send(Call(method="DELETE", path=path("/api/v1/knowledge-files/{}", file_id)))


class Workflows(Resource):
    """Diagrams that run."""

    def run(
        self, workflow_id: str, inputs: JsonInput | None = None, *, timeout: float = LONG_TIMEOUT_S
    ) -> WorkflowResult:
        """Run one and wait for its end. A run that failed is returned: its `ok` is false."""
        call = Call(
            method="POST",
            path=path("/api/v1/flow/{}", workflow_id),
            body={"inputs": {**(inputs or {})}},
            timeout=timeout,
        )
        return self._transport.fetch(WorkflowResult, call)

    def list(self, *, limit: int | None = None, before: str | None = None) -> Items[Flow]:
        """Return a page, the newest first: 50 unless told otherwise, at most 200; `before` is the id of a workflow."""
        call = Call(method="GET", path="/api/v1/flows", params={"limit": limit, "before": before}, unwrap="flows")
        return self._transport.fetch_items(Flow, call)

    def iterate(self, *, page_size: int = PAGE_SIZE) -> Iterator[Flow]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path="/api/v1/flows", unwrap="flows")
        return self._transport.iterate_before(Flow, call, page_size)

    def create(self, definition: JsonInput) -> FlowWithSecret:
        """Save a new workflow; raises BadRequest that names the step at fault."""
        return self._transport.fetch(
            FlowWithSecret, Call(method="POST", path="/api/v1/flows", body={**definition})
        )

    def get(self, workflow_id: str) -> Flow:
        """Return one with its steps; raises NotFound."""
        return self._transport.fetch(Flow, Call(method="GET", path=path("/api/v1/flows/{}", workflow_id)))

    def replace(self, workflow_id: str, definition: JsonInput, *, if_version: int | None = None) -> Flow:
        """Save a new version of one; with `if_version` raises Conflict when it is no longer that version."""
        call = Call(
            method="PUT",
            path=path("/api/v1/flows/{}", workflow_id),
            body={**definition},
            headers=only_version(if_version),
            conflict_passes=False,
        )
        return self._transport.fetch(Flow, call)

    def update(self, workflow_id: str, fields: JsonInput, *, if_version: int | None = None) -> Flow:
        """Change fields, such as `enabled` or `schedule`; the others stay. `if_version` is as in `replace`."""
        call = Call(
            method="PATCH",
            path=path("/api/v1/flows/{}", workflow_id),
            body={**fields},
            headers=only_version(if_version),
            conflict_passes=False,
        )
        return self._transport.fetch(Flow, call)

    def export(self, workflow_id: str) -> JsonObject:
        """Return what `import_definition` takes: the workflow without ids, secrets and times."""
        call = Call(method="GET", path=path("/api/v1/flows/{}/export", workflow_id))
        return (self._transport.send(call)).json()

    def import_definition(self, definition: JsonInput) -> FlowWithSecret:
        """Save what `export` returned as a new workflow, here or in another organization."""
        call = Call(method="POST", path="/api/v1/flows/import", body={**definition})
        return self._transport.fetch(FlowWithSecret, call)

    def delete(self, workflow_id: str) -> None:
        """Delete one."""
        self._transport.send(Call(method="DELETE", path=path("/api/v1/flows/{}", workflow_id)))

    def start(self, workflow_id: str, inputs: JsonInput | None = None) -> WorkflowResult:
        """Run one and return at once; ask for the run by its id."""
        call = Call(method="POST", path=path("/api/v1/flows/{}/runs", workflow_id), body={"inputs": {**(inputs or {})}})
        return self._transport.fetch(WorkflowResult, call)

    def get_run(self, run_id: str) -> FlowRunDetail:
        """Return a run of a workflow with every step; raises NotFound."""
        return self._transport.fetch(FlowRunDetail, Call(method="GET", path=path("/api/v1/runs/{}", run_id)))

    def cancel_run(self, run_id: str) -> FlowRun:
        """End a run of a workflow; one that has ended is returned as it is."""
        return self._transport.fetch(FlowRun, Call(method="POST", path=path("/api/v1/runs/{}/cancel", run_id)))

    def rerun(self, run_id: str, *, from_step: str | None = None) -> FlowRun:
        """Run again with the same inputs, from a step (by its key) where one is named."""
        body = {"fromStep": from_step} if from_step else {}
        call = Call(method="POST", path=path("/api/v1/runs/{}/rerun", run_id), body=body)
        return self._transport.fetch(FlowRun, call)

    def forms(self, *, run_id: str | None = None) -> Items[WaitingForm]:
        """Return the forms that wait for a person, the oldest first."""
        call = Call(method="GET", path="/api/v1/forms", params={"runId": run_id}, unwrap="forms")
        return self._transport.fetch_items(WaitingForm, call)

    def answer_form(self, run_id: str, step_key: str, values: JsonInput) -> FlowRun:
        """Fill in a form; the run goes on by itself."""
        call = Call(
            method="POST",
            path=path("/api/v1/runs/{}/steps/{}/answer", run_id, step_key),
            body={"values": {**values}},
        )
        return self._transport.fetch(FlowRun, call)

    def rotate_secret(self, workflow_id: str) -> FlowWithSecret:
        """Make a new secret of the trigger; it is in `webhookSecret`, this once."""
        return self._transport.fetch(
            FlowWithSecret, Call(method="POST", path=path("/api/v1/flows/{}/secret", workflow_id))
        )

    def versions(self, workflow_id: str) -> Items[FlowVersion]:
        """Return who saved which version when."""
        call = Call(method="GET", path=path("/api/v1/flows/{}/versions", workflow_id), unwrap="versions")
        return self._transport.fetch_items(FlowVersion, call)

    def all_runs(
        self, *, limit: int | None = None, before: str | None = None, status: str | None = None
    ) -> Items[FlowRun]:
        """Return a page of the runs of all workflows, the newest first: 50 unless told otherwise, at most 200."""
        params = {"limit": limit, "before": before, "status": status}
        return self._transport.fetch_items(
            FlowRun, Call(method="GET", path="/api/v1/runs", params=params, unwrap="runs")
        )

    def runs(self, workflow_id: str, *, limit: int | None = None, before: str | None = None) -> Items[FlowRun]:
        """Return a page of its runs, the newest first: 50 unless told otherwise, at most 200."""
        call = Call(
            method="GET",
            path=path("/api/v1/flows/{}/runs", workflow_id),
            params={"limit": limit, "before": before},
            unwrap="runs",
        )
        return self._transport.fetch_items(FlowRun, call)

    def iterate_runs(self, workflow_id: str, *, page_size: int = PAGE_SIZE) -> Iterator[FlowRun]:
        """Yield all its runs, fetching page after page."""
        call = Call(method="GET", path=path("/api/v1/flows/{}/runs", workflow_id), unwrap="runs")
        return self._transport.iterate_before(FlowRun, call, page_size)


class Runs(Resource):
    """Runs of agents."""

    def list(
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
        return self._transport.fetch_items(AgentRun, call)

    def iterate(
        self, *, status: str | None = None, agent_id: str | None = None, page_size: int = PAGE_SIZE
    ) -> Iterator[AgentRun]:
        """Yield all of them, fetching page after page."""
        call = Call(
            method="GET", path="/api/v1/agent-runs", params={"status": status, "agentId": agent_id}, unwrap="runs"
        )
        return self._transport.iterate_before(AgentRun, call, page_size)

    def get(self, run_id: str) -> AgentRunDetail:
        """Return one with its answer; raises NotFound."""
        return self._transport.fetch(
            AgentRunDetail, Call(method="GET", path=path("/api/v1/agent-runs/{}", run_id))
        )

    def events(self, run_id: str, *, after: int | None = None) -> Items[RunEvent]:
        """Return at most 500 events of a run after a sequence number, without waiting for more."""
        call = Call(
            method="GET", path=path("/api/v1/agent-runs/{}/events", run_id), params={"after": after}, unwrap="events"
        )
        return self._transport.fetch_items(RunEvent, call)

    def cancel(self, run_id: str) -> AgentRun:
        """End a run; what it did so far stays."""
        call = Call(method="POST", path=path("/api/v1/agent-runs/{}/cancel", run_id))
        return self._transport.fetch(AgentRun, call)

    def decide(self, run_id: str, approval_id: str, *, approve: bool) -> AgentRun:
        """Allow or refuse a tool that waits for a person."""
        call = Call(
            method="POST",
            path=path("/api/v1/agent-runs/{}/approvals/{}", run_id, approval_id),
            body={"approved": approve},
        )
        return self._transport.fetch(AgentRun, call)


class Bookings(Resource):
    """Appointments that agents made."""

    def list(self, *, limit: int | None = None, before: str | None = None) -> Items[Booking]:
        """Return a page, the ones booked last first: 50 unless told otherwise, at most 200; `before` is an id."""
        params = {"limit": limit, "before": before}
        call = Call(method="GET", path="/api/v1/bookings", params=params, unwrap="bookings")
        return self._transport.fetch_items(Booking, call)

    def iterate(self, *, page_size: int = PAGE_SIZE) -> Iterator[Booking]:
        """Yield all of them, fetching page after page."""
        call = Call(method="GET", path="/api/v1/bookings", unwrap="bookings")
        return self._transport.iterate_before(Booking, call, page_size)

    def cancel(self, booking_id: str) -> Booking:
        """Cancel one; its time is free again. One that is cancelled is returned as it is."""
        call = Call(method="POST", path=path("/api/v1/bookings/{}/cancel", booking_id))
        return self._transport.fetch(Booking, call)


def only_version(version: int | None) -> dict[str, str]:
    """Return the header that makes a change fail when there is another version by now."""
    return {} if version is None else {"if-match": f'"{version}"'}
