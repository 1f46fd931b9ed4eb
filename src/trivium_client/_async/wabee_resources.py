"""What belongs to a Wabee agent, one group of methods each."""

from collections.abc import AsyncIterator, Sequence

from trivium_client._async.client import AsyncResource
from trivium_client._call import Call, path
from trivium_client._json import JsonInput
from trivium_client._model import Items
from trivium_client._upload import FileInput, Progress, upload_of
from trivium_client.models.wabee import (
    AdditionStrategy,
    AgentFile,
    Forgotten,
    Memory,
    Observed,
    Session,
    SessionDetail,
    SessionPage,
    SubAgent,
    SubAgentCreated,
    Tool,
    ToolResult,
    Trace,
)

FULL_CONTENT = 50_000
PAGE_SIZE = 50


class AsyncSessions(AsyncResource):
    """Conversations."""

    async def list(self, *, limit: int | None = None, before: str | None = None) -> SessionPage:
        """Return a page, the newest first: 10 unless told otherwise, at most 50; `before` is a session id."""
        call = Call(method="GET", path="/sessions", params={"limit": limit, "before": before})
        return await self._transport.fetch(SessionPage, call)

    async def iterate(self, *, page_size: int = PAGE_SIZE) -> AsyncIterator[Session]:
        """Yield all of them, fetching page after page."""
        before: str | None = None
        while True:
            page = await self.list(limit=page_size, before=before)
            for session in page.sessions:
                yield session
            if not page.has_more or not page.sessions:
                return
            before = page.sessions[-1].session_id

    async def get(self, session_id: str) -> SessionDetail:
        """Return one with its messages; raises NotFound."""
        return await self._transport.fetch(SessionDetail, Call(method="GET", path=path("/sessions/{}", session_id)))

    async def delete(self, session_id: str) -> None:
        """Delete one with its messages."""
        await self._transport.send(Call(method="DELETE", path=path("/sessions/{}", session_id)))

    async def trace(
        self, session_id: str, *, request_id: str | None = None, max_content_length: int = FULL_CONTENT
    ) -> Trace:
        """Return what happened in it, run by run; longer contents are cut."""
        call = Call(
            method="GET",
            path=path("/sessions/{}/trace", session_id),
            params={"request_id": request_id, "max_content_length": max_content_length},
        )
        return await self._transport.fetch(Trace, call)

    async def active(self) -> Items[Session]:
        """Return the conversations in which a run is streaming now."""
        return await self._transport.fetch_items(Session, Call(method="GET", path="/sessions/streams/active"))


class AsyncTools(AsyncResource):
    """What the agent can use."""

    async def list(self) -> Items[Tool]:
        """Return all tools with the schemas of their inputs."""
        return await self._transport.fetch_items(Tool, Call(method="GET", path="/tools", unwrap="tools"))

    async def execute(self, tool_name: str, tool_input: JsonInput, *, session_id: str | None = None) -> ToolResult:
        """Run one outside of a conversation. A tool that failed is returned: its `status` is `error`."""
        body = {"tool_name": tool_name, "tool_input": {**tool_input}, "session_id": session_id}
        return await self._transport.fetch(ToolResult, Call(method="POST", path="/tool/execute", body=body))


class AsyncSubAgents(AsyncResource):
    """Helpers of the agent."""

    async def list(self) -> Items[SubAgent]:
        """Return all of them."""
        call = Call(method="GET", path="/chain/sub_agents", unwrap="sub_agents")
        return await self._transport.fetch_items(SubAgent, call)

    async def create(
        self,
        name: str,
        *,
        description: str,
        objective: str,
        tools: Sequence[str] = (),
        workflow_type: str | None = None,
    ) -> SubAgentCreated:
        """Make one; it is called inside the agent's runs. `workflow_type` is react or hierarchical."""
        given = {"name": name, "description": description, "objective": objective, "tools": [*tools]}
        body = given | ({"workflow_type": workflow_type} if workflow_type else {})
        return await self._transport.fetch(SubAgentCreated, Call(method="POST", path="/chain/sub_agents", body=body))

    async def get(self, sub_agent_id: str) -> SubAgent:
        """Return one; raises NotFound."""
        call = Call(method="GET", path=path("/chain/sub_agents/{}", sub_agent_id), unwrap="sub_agent_info")
        return await self._transport.fetch(SubAgent, call)

    async def delete(self, sub_agent_id: str) -> None:
        """Delete one."""
        await self._transport.send(Call(method="DELETE", path=path("/chain/sub_agents/{}", sub_agent_id)))


class AsyncMemories(AsyncResource):
    """What the agent keeps from its conversations: of all visitors, or with `visitor_id` of one."""

    async def list(self, module_id: str = "agent_memory", *, visitor_id: str | None = None) -> Items[Memory]:
        """Return all statements, the newest first."""
        params = {"module_id": module_id, "visitor_id": visitor_id}
        return await self._transport.fetch_items(Memory, Call(method="GET", path="/memory/list", params=params))

    async def search(
        self, query: str, *, module_id: str = "agent_memory", visitor_id: str | None = None
    ) -> Items[Memory]:
        """Return at most ten statements, the best first."""
        params = {"query": query, "module_id": module_id, "visitor_id": visitor_id}
        return await self._transport.fetch_items(Memory, Call(method="GET", path="/memory/search", params=params))

    async def observe(
        self,
        statement: str,
        *,
        strategy: AdditionStrategy = "naive",
        module_id: str = "agent_memory",
        visitor_id: str | None = None,
    ) -> Observed:
        """Keep a statement: beside what contradicts it, or after deleting or correcting that."""
        body = {"module_id": module_id, "addition_strategy": strategy, "input": statement, "visitor_id": visitor_id}
        return await self._transport.fetch(Observed, Call(method="POST", path="/memory/observation", body=body))

    async def update(self, memory_id: str, content: str) -> Observed:
        """Correct the text of a statement; raises NotFound."""
        call = Call(method="PATCH", path=path("/memory/{}", memory_id), body={"content": content})
        return await self._transport.fetch(Observed, call)

    async def forget(self, ids: Sequence[str], *, module_id: str = "agent_memory") -> Forgotten:
        """Delete statements by their ids; `deleted` holds those that were there."""
        body = {"module_id": module_id, "ids": [*ids]}
        return await self._transport.fetch(Forgotten, Call(method="POST", path="/memory/delete", body=body))

    async def reset(self, module_id: str = "agent_memory") -> Forgotten:
        """Delete everything; `deleted` is how many there were."""
        call = Call(method="POST", path="/memory/reset", body={"module_id": module_id})
        return await self._transport.fetch(Forgotten, call)


class AsyncFiles(AsyncResource):
    """Files that only this agent reads."""

    async def upload(
        self,
        file: FileInput,
        *,
        name: str | None = None,
        content_type: str | None = None,
        file_path: str | None = None,
        on_progress: Progress | None = None,
        timeout: float = 300.0,
    ) -> AgentFile:
        """Add a file under its name or another path; name it in `context_files` by the path in the answer."""
        upload = upload_of(file, name=name, content_type=content_type, fields={"path": file_path}, progress=on_progress)
        return await self._transport.fetch(
            AgentFile, Call(method="POST", path="/files", upload=upload, timeout=timeout)
        )

    async def list(self) -> Items[AgentFile]:
        """Return all of them in the order of their paths, at most 1,000."""
        return await self._transport.fetch_items(AgentFile, Call(method="GET", path="/files", unwrap="files"))

    async def delete(self, file_path: str) -> None:
        """Remove one by its path; raises NotFound."""
        await self._transport.send(Call(method="DELETE", path=path("/files/{}", file_path)))
