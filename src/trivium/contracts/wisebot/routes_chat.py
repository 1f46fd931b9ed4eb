"""Visitor chat: conversations, the stream, and what visitors may do with it (section 4)."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import sse
from trivium.contracts.http import Endpoint, json_response, validate
from trivium.contracts.routing import Router
from trivium.contracts.wisebot.caller import identify_for_agent
from trivium.contracts.wisebot.origins import Origins
from trivium.contracts.wisebot.wire_chat import (
    AskBody,
    ChatEncoder,
    FeedbackBody,
    MessageBody,
    PairBody,
    SessionBody,
    kept_events,
    message_json,
    news_json,
    session_json,
)
from trivium.core.errors import InvalidRequest, NotAuthenticated, NotFound
from trivium.core.model.runs import Run
from trivium.core.platform import News, Opened, Platform, Proof, is_site

_HISTORY_MAX = 200


class ChatRoutes:
    """Operations for servers with a key, and for browsers with a pair of ids and an allowed origin."""

    def __init__(self, platform: Platform, *, origins: Origins, heartbeat_s: float) -> None:
        self._platform = platform
        self._visitors = platform.desk.visitors
        self._origins = origins
        self._heartbeat_s = heartbeat_s

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        for path, call, method, summary in (
            ("/api/v1/chat/sessions", self.open, "POST", "Create or resume a visitor's conversation"),
            ("/api/v1/chat/sessions", self.find, "GET", "Find a visitor's conversation"),
            ("/api/chat/agent", self.ask, "POST", "Ask the agent, streamed"),
            ("/api/v1/chat/agent", self.ask, "POST", "Ask the agent, streamed (alias)"),
            ("/api/v1/chat/messages", self.messages, "GET", "Messages of a conversation"),
            ("/api/v1/chat/events", self.watch, "GET", "What people and agents say, streamed"),
            ("/api/v1/chat/stop", self.stop, "POST", "Stop the answer that is being made"),
            ("/api/v1/chat/regenerate", self.regenerate, "POST", "Answer the last message again, streamed"),
            ("/api/v1/chat/edit", self.edit, "POST", "Change a message and answer it again, streamed"),
            ("/api/v1/chat/fork", self.fork, "POST", "Go on in a copy of the conversation"),
            ("/api/v1/chat/feedback", self.feedback, "POST", "Say how good an answer was"),
            ("/api/v1/chat/runs/{run_id}/approvals/{approval_id}", self.decide, "POST", "Allow or refuse a tool call"),
        ):
            router.add(path, call, methods=[method], summary=summary, tags=["Chat"])

    @property
    def busiest(self) -> dict[str, Endpoint]:
        """What a chat consists of, by path."""
        return {
            "/api/v1/chat/sessions": self.open,
            "/api/chat/agent": self.ask,
            "/api/v1/chat/agent": self.ask,
        }

    async def open(self, request: Request) -> Response:
        """Return the visitor's open conversation, or a new one; of many callers at once all get the same."""
        principal = await identify_for_agent(self._platform, request)
        body = validate(SessionBody, await request.json())
        agent_id = body.agent_id or await self._platform.agents.default_id(principal)
        self._platform.access.require(principal, agent_id=agent_id)
        opened = await self._visitors.open(
            principal.organization_id,
            body.external_user_id,
            agent_id=agent_id,
            name=body.name or "",
            is_new=body.force_new,
            key_id=principal.key_id,
            proof=Proof(app_key=body.app_key, token=body.token, email=body.email),
        )
        return json_response(session_json(opened))

    async def find(self, request: Request) -> Response:
        """Return the visitor's newest open conversation, wrapped in `session`; 404 when there is none."""
        principal = await identify_for_agent(self._platform, request)
        external_id = request.query_params.get("externalUserId", "")
        if not external_id:
            raise InvalidRequest("The query parameter externalUserId is needed.", code="missing_visitor")
        agent_id = request.query_params.get("agentId")
        if agent_id is None and principal.agent_ids is not None:
            agent_id = await self._platform.agents.default_id(principal)
        self._platform.access.require(principal, agent_id=agent_id)
        opened = await self._visitors.find(principal.organization_id, external_id, agent_id=agent_id)
        return json_response({"session": session_json(opened)})

    async def ask(self, request: Request) -> Response:
        """Answer a message as a stream; with `Last-Event-ID` go on with the stream of the last one."""
        body = validate(AskBody, await request.json())
        opened = await self._enter(request, body)
        if "last-event-id" in request.headers:
            return self._stream(opened, *await self._resumed(request, opened))
        said = await self._visitors.say(opened, body.prompt, request_id=request.state.request_id)
        self._platform.desk.inbox.nudge(opened.conversation.id)
        if said.run is None:
            return self._kept(kept_events(opened, said))
        return self._stream(opened, said.run)

    async def messages(self, request: Request) -> Response:
        """Return the last 200 messages of a conversation."""
        opened = await self._enter(request, _pair(request))
        found = await self._platform.conversations.messages(
            opened.conversation.organization_id, opened.conversation.id, limit=_HISTORY_MAX
        )
        return json_response(
            {"status": opened.conversation.status, "messages": [message_json(message) for message in found]}
        )

    async def watch(self, request: Request) -> Response:
        """Stream every message and change of status after `Last-Event-ID` (or the query's `after`), until left."""
        opened = await self._enter(request, _pair(request))
        _, after = sse.last_event_id(request.headers)
        if after is None:
            text = request.query_params.get("after", "")
            is_number = text.isascii() and text.isdigit() and len(text) < 10
            after = int(text) if is_number else opened.conversation.message_count
        news = self._platform.desk.inbox.watch(opened.conversation.organization_id, opened.conversation.id, after)
        return sse.EventStream(news, _news, heartbeat_s=self._heartbeat_s)

    async def stop(self, request: Request) -> Response:
        """End the answer that is being made; what was shown stays."""
        opened = await self._enter(request, validate(PairBody, await request.json()))
        conversation = opened.conversation
        run = await self._platform.runs.find_resumable(conversation.organization_id, conversation_id=conversation.id)
        if run is None or run.is_final:
            return json_response({"stopped": False})
        stopped = await self._platform.runs.cancel(conversation.organization_id, run.id, "Stopped by the visitor.")
        return json_response({"stopped": stopped.status == "cancelled", "messageId": run.id})

    async def regenerate(self, request: Request) -> Response:
        """Forget the last answer and make a new one; with `Last-Event-ID` go on with the stream of that one."""
        opened = await self._enter(request, validate(PairBody, await request.json()))
        if "last-event-id" in request.headers:
            return self._stream(opened, *await self._resumed(request, opened))
        run = await self._visitors.ask_again(opened, None, request_id=request.state.request_id)
        return self._stream(opened, run)

    async def edit(self, request: Request) -> Response:
        """Forget a message of the visitor and everything after it, and answer the new text; resumed as the others."""
        body = validate(MessageBody, await request.json())
        opened = await self._enter(request, body)
        if "last-event-id" in request.headers:
            return self._stream(opened, *await self._resumed(request, opened))
        if body.prompt is None:
            raise InvalidRequest("prompt is needed.", code="missing_prompt")
        run = await self._visitors.ask_again(opened, body.message_id, body.prompt, request_id=request.state.request_id)
        return self._stream(opened, run)

    async def fork(self, request: Request) -> Response:
        """Return a new conversation with the messages up to one (none: all of them)."""
        body = validate(MessageBody, await request.json())
        opened = await self._enter(request, body)
        return json_response(session_json(await self._visitors.fork(opened, body.message_id)), 201)

    async def feedback(self, request: Request) -> Response:
        """Keep an opinion of an answer, by the `messageId` of its stream or of the message list."""
        body = validate(FeedbackBody, await request.json())
        opened = await self._enter(request, body)
        value = {"rating": body.rating, "comment": body.comment}
        return json_response(message_json(await self._visitors.rate(opened, body.message_id, dict(value))))

    async def decide(self, request: Request, run_id: str, approval_id: str) -> Response:
        """Allow or refuse a tool call that waits: `{"approved": true}`; for people and programs, not for visitors."""
        principal = await identify_for_agent(self._platform, request)
        asking = await self._platform.runs.get(principal.organization_id, run_id)
        self._platform.access.require(principal, agent_id=asking.agent_id)
        body = await request.json()
        approved = body.get("approved") if isinstance(body, dict) else None
        if not isinstance(approved, bool):
            raise InvalidRequest("The body must hold the boolean `approved`.", code="invalid_request")
        run = await self._platform.runs.decide(
            principal.organization_id, run_id, approval_id, is_approved=approved, decided_by=principal.id
        )
        return json_response({"runId": run.id, "status": run.status})

    async def _enter(self, request: Request, pair: PairBody) -> Opened:
        """Return the conversation a caller may talk in: by key or JWT of its organization, or by an allowed origin.

        The sites of an agent, where it names any, are the only ones that may embed it; else it is the server's list.
        """
        if "authorization" not in request.headers:
            origin = request.headers.get("origin")
            if not await self._origins.opens(origin):
                raise _no_credential()
            opened = await self._visitors.enter(pair.contact_session_id, pair.thread_id)
            if not (is_site(origin or "", opened.sites) if opened.sites else self._origins.allows(origin)):
                raise _no_credential()
            return opened
        principal = await identify_for_agent(self._platform, request)
        opened = await self._visitors.enter(pair.contact_session_id, pair.thread_id, caller=principal)
        self._platform.access.require(principal, agent_id=opened.conversation.agent_id)
        return opened

    async def _resumed(self, request: Request, opened: Opened) -> tuple[Run, int]:
        run_id, after = sse.last_event_id(request.headers)
        if after is None:
            raise InvalidRequest("Last-Event-ID: not an id that this server gave.", code="invalid_event_id")
        conversation = opened.conversation
        run_id = run_id or request.headers.get("run-id")
        run = await self._platform.runs.find_resumable(
            conversation.organization_id,
            run_id=run_id,
            conversation_id=conversation.id,
            request_id=request.headers.get("request-id"),
        )
        if run is None or run.conversation_id != conversation.id:
            raise NotFound("run", message="There is no such answer to go on with.")
        return run, after

    def _stream(self, opened: Opened, run: Run, after: int = 0) -> Response:
        encoder = ChatEncoder(opened.conversation.id, run.id)
        source = self._platform.runs.event_batches(run.organization_id, run.id, after)
        return sse.EventStream(
            _telling(source, self._platform, opened),
            encoder.encode,
            headers={"run-id": run.id},
            ending=encoder.ending,
            heartbeat_s=self._heartbeat_s,
        )

    def _kept(self, shown: Sequence[object]) -> Response:
        return sse.EventStream(_each(shown), sse.event, ending=sse.DONE, heartbeat_s=self._heartbeat_s)


def _no_credential() -> NotAuthenticated:
    return NotAuthenticated("A Bearer token, or an allowed origin, is needed.", code="missing_credential")


async def _each(shown: Sequence[object]) -> AsyncGenerator[object, None]:
    for one in shown:
        yield one


async def _telling(source: AsyncGenerator, platform: Platform, opened: Opened) -> AsyncGenerator:  # type: ignore[type-arg]
    """Yield the batches; at the end whoever watches the conversation looks at the stored answer."""
    async with aclosing(source) as batches:
        async for batch in batches:
            yield batch
    platform.desk.inbox.nudge(opened.conversation.id)


def _news(news: News) -> bytes:
    return sse.event(news_json(news), seq=news.position)


def _pair(request: Request) -> PairBody:
    query = request.query_params
    return validate(PairBody, {"threadId": query.get("threadId"), "contactSessionId": query.get("contactSessionId")})
