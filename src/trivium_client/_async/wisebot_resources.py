"""The groups of methods that a key and a dashboard token may both use."""

import builtins
from collections.abc import Sequence

from trivium_client._async.client import AsyncResource
from trivium_client._async.stream import AsyncEventStream
from trivium_client._call import Call, RawResponse, path
from trivium_client._errors import NotFound
from trivium_client._json import JsonInput, JsonObject
from trivium_client._model import Items
from trivium_client._upload import FileInput, Progress, upload_of
from trivium_client.models.wisebot import (
    CHAT_READING,
    Activity,
    Agent,
    ChatEvent,
    ChatSession,
    KnowledgeFile,
    Record,
    ResolvedFile,
    Status,
    UploadedFile,
    WorkflowResult,
)

CREATE_TIMEOUT_S = 120.0
LONG_TIMEOUT_S = 300.0


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


class AsyncChat(AsyncResource):
    """Visitors' conversations."""

    async def create_session(
        self,
        external_user_id: str,
        *,
        agent_id: str | None = None,
        name: str | None = None,
        force_new: bool | None = None,
    ) -> ChatSession:
        """Begin a conversation with a visitor, or go on with the one there is."""
        given = {"externalUserId": external_user_id, "agentId": agent_id, "name": name, "forceNew": force_new}
        body = {key: value for key, value in given.items() if value is not None}
        call = Call(method="POST", path="/api/v1/chat/sessions", body=body)
        return await self._transport.fetch(ChatSession, call)

    async def get_session(self, external_user_id: str) -> ChatSession | None:
        """Return the conversation of a visitor; None when there is none."""
        call = Call(
            method="GET",
            path="/api/v1/chat/sessions",
            params={"externalUserId": external_user_id},
            unwrap="session",
        )
        try:
            return await self._transport.fetch(ChatSession, call)
        except NotFound:
            return None

    def stream(
        self, *, prompt: str, thread_id: str, contact_session_id: str, timeout: float = CREATE_TIMEOUT_S
    ) -> AsyncEventStream[ChatEvent]:
        """Ask, and return the answer as it comes; see AsyncEventStream. `timeout` is the longest silence."""
        body = {"prompt": prompt, "threadId": thread_id, "contactSessionId": contact_session_id}
        call = Call(method="POST", path="/api/chat/agent", body=body, timeout=timeout)
        return AsyncEventStream(self._transport, call, CHAT_READING)


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

    async def list(self) -> Items[Record]:
        """Return all workflows."""
        return await self._transport.fetch_items(Record, Call(method="GET", path="/api/v1/flows", unwrap="flows"))

    async def create(self, definition: JsonInput) -> Record:
        """Save a new workflow; raises BadRequest that names the step at fault."""
        return await self._transport.fetch(Record, Call(method="POST", path="/api/v1/flows", body={**definition}))

    async def get(self, workflow_id: str) -> Record:
        """Return one with its steps; raises NotFound."""
        return await self._transport.fetch(Record, Call(method="GET", path=path("/api/v1/flows/{}", workflow_id)))

    async def replace(self, workflow_id: str, definition: JsonInput) -> Record:
        """Save a new version of one."""
        call = Call(method="PUT", path=path("/api/v1/flows/{}", workflow_id), body={**definition})
        return await self._transport.fetch(Record, call)

    async def delete(self, workflow_id: str) -> None:
        """Delete one."""
        await self._transport.send(Call(method="DELETE", path=path("/api/v1/flows/{}", workflow_id)))

    async def runs(self, workflow_id: str) -> Items[Record]:
        """Return its runs, the newest first."""
        call = Call(method="GET", path=path("/api/v1/flows/{}/runs", workflow_id), unwrap="runs")
        return await self._transport.fetch_items(Record, call)


class AsyncRuns(AsyncResource):
    """Executions, of agents and of workflows."""

    async def list(self, *, limit: int | None = None, status: str | None = None) -> Items[Record]:
        """Return the newest runs."""
        call = Call(method="GET", path="/api/v1/runs", params={"limit": limit, "status": status}, unwrap="runs")
        return await self._transport.fetch_items(Record, call)

    async def get(self, run_id: str) -> Record:
        """Return one; raises NotFound."""
        return await self._transport.fetch(Record, Call(method="GET", path=path("/api/v1/runs/{}", run_id)))

    async def events(self, run_id: str, *, after: int | None = None) -> builtins.list[JsonObject]:
        """Return what happened in a run, after a sequence number."""
        call = Call(method="GET", path=path("/api/v1/runs/{}/events", run_id), params={"after": after})
        found = (await self._transport.send(call)).json().get("events")
        return [event for event in found if isinstance(event, dict)] if isinstance(found, list) else []

    async def cancel(self, run_id: str) -> RawResponse:
        """End a run; what it did so far stays."""
        return await self._transport.send(Call(method="POST", path=path("/api/v1/runs/{}/cancel", run_id)))

    async def decide(self, run_id: str, approval_id: str, *, approve: bool) -> RawResponse:
        """Allow or refuse a tool that waits for a person."""
        call = Call(
            method="POST",
            path=path("/api/v1/runs/{}/approvals/{}", run_id, approval_id),
            body={"approved": approve},
        )
        return await self._transport.send(call)
