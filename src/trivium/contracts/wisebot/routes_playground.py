"""The playground: trying an agent without a visitor, asynchronously (section 4.5; JWT only)."""

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts.http import json_response, validate
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify_person
from trivium.contracts.wisebot.names import time_text
from trivium.contracts.wisebot.wire_chat import Body, message_json
from trivium.core.errors import NotFound
from trivium.core.events import StoredEvent, ToolCalled, ToolReturned
from trivium.core.model.conversations import Conversation
from trivium.core.model.json import JSON, JSONObject
from trivium.core.model.runs import InputMessage, Run, RunInput, RunRequest
from trivium.core.platform import Platform

CHANNEL = "playground"
_STATUS = {"cancelled": "failed", "waiting": "running"}
_SESSIONS_MAX = 100


class TryBody(Body):
    """What to ask which agent; `sessionId` goes on with an earlier one."""

    agent_id: str = Field(min_length=1, max_length=100)
    prompt: str = Field(min_length=1, max_length=100_000)
    session_id: str | None = Field(default=None, max_length=100)


class PlaygroundRoutes:
    """Conversations of the channel "playground"."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        for path, call, method, summary in (
            ("/messages", self.send, "POST", "Ask an agent"),
            ("/runs/{run_id}", self.run, "GET", "What came of it"),
            ("/sessions", self.sessions, "GET", "List sessions"),
            ("/sessions/{session_id}", self.session, "GET", "Read a session"),
            ("/sessions/{session_id}", self.remove, "DELETE", "Delete a session"),
        ):
            router.add(
                f"/playground{path}", call, methods=[method], summary=f"{summary} (JWT only)", tags=["Playground"]
            )

    async def send(self, request: Request) -> Response:
        """Start a run and answer at once."""
        principal = await identify_person(self._platform, request)
        body = validate(TryBody, await request.json())
        if body.session_id is not None:
            await self._named(principal.organization_id, body.session_id)
        run_input = RunInput(messages=(InputMessage(role="user", text=body.prompt),), metadata={"channel": CHANNEL})
        run = await self._platform.runs.start(
            principal,
            RunRequest(
                agent_id=body.agent_id,
                input=run_input,
                conversation_id=body.session_id,
                request_id=request.state.request_id,
                channel=CHANNEL,
                run_id=getattr(request.state, "run_id", None),
            ),
        )
        return json_response({"runId": run.id, "sessionId": run.conversation_id, "status": "queued"}, 202)

    async def run(self, request: Request, run_id: str) -> Response:
        """Return a run: its text so far, its tool calls, its error."""
        principal = await identify_person(self._platform, request)
        run = await self._platform.runs.get(principal.organization_id, run_id)
        if run.channel != CHANNEL:
            raise NotFound("run", run_id)
        traces = await self._platform.observability.trace(
            principal.organization_id, run.conversation_id, request_id=run.request_id
        )
        events = next((trace.events for trace in traces if trace.run.id == run.id), ())
        return json_response(_run_json(run, _calls(list(events))))

    async def sessions(self, request: Request) -> Response:
        """Return the newest sessions."""
        principal = await identify_person(self._platform, request)
        runs = await self._platform.observability.of_channel(principal.organization_id, CHANNEL, limit=_SESSIONS_MAX)
        newest: dict[str, Run] = {}
        for run in runs:
            newest.setdefault(run.conversation_id, run)
        shown: list[JSON] = [
            {"sessionId": one.conversation_id, "agentId": one.agent_id, "updatedAt": time_text(one.created_at)}
            for one in newest.values()
        ]
        return json_response({"sessions": shown})

    async def session(self, request: Request, session_id: str) -> Response:
        """Return the messages of a session."""
        principal = await identify_person(self._platform, request)
        await self._named(principal.organization_id, session_id)
        messages = await self._platform.conversations.messages(principal.organization_id, session_id)
        return json_response({"sessionId": session_id, "messages": [message_json(message) for message in messages]})

    async def remove(self, request: Request, session_id: str) -> Response:
        """Delete a session with its messages and runs."""
        principal = await identify_person(self._platform, request)
        await self._named(principal.organization_id, session_id)
        await self._platform.conversations.delete(principal.organization_id, session_id)
        return Response(status_code=204)

    async def _named(self, organization_id: str, session_id: str) -> Conversation:
        found = await self._platform.desk.inbox.read(organization_id, session_id)
        if found.conversation.visitor_id is not None:
            raise NotFound("conversation", session_id)
        return found.conversation


def _run_json(run: Run, calls: list[JSON]) -> JSONObject:
    return {
        "runId": run.id,
        "sessionId": run.conversation_id,
        "status": _STATUS.get(run.status, run.status),
        "text": run.output,
        "toolCalls": calls,
        "error": run.error_message,
    }


def _calls(events: list[StoredEvent]) -> list[JSON]:
    calls: dict[str, JSONObject] = {}
    for stored in events:
        event = stored.event
        if isinstance(event, ToolCalled):
            calls[event.call_id] = {"toolCallId": event.call_id, "toolName": event.tool, "input": event.input}
        elif isinstance(event, ToolReturned) and event.call_id in calls:
            calls[event.call_id] |= {"output": event.output, "isError": event.is_error}
    return list(calls.values())
