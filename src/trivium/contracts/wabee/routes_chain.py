"""Asking the agent: `/chain` and its streaming forms (sections 3.1 and 3.2)."""

from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from trivium.contracts import sse
from trivium.contracts.http import Endpoint, json_response, safe_header, validate
from trivium.contracts.routing import Router
from trivium.contracts.wabee import wire
from trivium.contracts.wabee.caller import Caller, identify
from trivium.contracts.wabee.images import take_in
from trivium.contracts.wabee.wire import ChainBody
from trivium.contracts.wabee.wire_answer import to_answer, to_body, to_error, to_steps
from trivium.contracts.wabee.wire_stream import StreamEncoder, position
from trivium.core.errors import CoreError, InvalidRequest, NotFound, UpstreamFailed
from trivium.core.events import RunCancelled, RunEvent, RunFailed, RunFinished, TextDelta
from trivium.core.model.ids import new_uuid
from trivium.core.model.runs import Run, RunInput, RunRequest
from trivium.core.platform import Platform


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A run that was asked for, by whom and under which names."""

    caller: Caller
    run: Run
    session_id: str

    @property
    def headers(self) -> dict[str, str]:
        """The names again, as response headers."""
        return {
            "session-id": safe_header(self.session_id),
            "request-id": safe_header(self.run.request_id),
            "run-id": self.run.id,
        }


class ChainRoutes:
    """The operations that run the agent and wait for it, one way or the other."""

    def __init__(self, platform: Platform, *, heartbeat_s: float) -> None:
        self._platform = platform
        self._heartbeat_s = heartbeat_s

    def add_to(self, router: Router) -> None:
        """Add the operations to a router."""
        for path, endpoint in self.endpoints.items():
            summary = "Run the agent" if endpoint == self.chain else "Run the agent, streamed"
            router.add(path, endpoint, methods=["POST"], summary=summary, tags=["Agent"])

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """What answers at which path below the contract's prefix."""
        return {"/chain": self.chain, "/chain_streaming": self.stream, "/chain_streamming": self.stream}

    async def chain(self, request: Request) -> Response:
        """Answer in one piece when the run has ended."""
        asked = await self.ask(request)
        told: list[RunEvent] = []
        source = self._platform.runs.event_batches(asked.caller.organization_id, asked.run.id)
        async with aclosing(source) as batches:
            async for batch in batches:
                told += [stored.event for stored in batch if type(stored.event) is not TextDelta]
        final = told[-1]
        names = {"session_id": asked.session_id, "request_id": asked.run.request_id}
        if isinstance(final, RunFailed | RunCancelled):
            raise to_error(final, **names)
        is_finished = isinstance(final, RunFinished)
        output, usage = (final.output, final.usage) if isinstance(final, RunFinished) else ("", ())
        answer = to_answer(to_body(asked.run.input.question, output, to_steps(told), usage), **names)
        # A run that waits for a person's approval has no answer yet: 202, and the conversation will have it.
        return json_response(answer, 200 if is_finished else 202, asked.headers)

    async def stream(self, request: Request) -> Response:
        """Answer as events; with `Last-Event-ID` go on with the events of an earlier request."""
        after, skip = 0, (0, 0)
        if "last-event-id" in request.headers:
            asked, after, skip = await self._resume(request)
        else:
            asked = await self.ask(request)
        name = ""
        if after:
            agent = await self._platform.agents.get(asked.caller.organization_id, asked.run.agent_id)
            name = agent.name
        encoder = StreamEncoder(asked.run.request_id, agent_id=asked.run.agent_id, agent_name=name, skip=skip)
        return sse.EventStream(
            self._platform.runs.event_batches(asked.caller.organization_id, asked.run.id, after),
            encoder.encode,
            headers=asked.headers,
            ending=encoder.ending,
            heartbeat_s=self._heartbeat_s,
        )

    async def ask(self, request: Request) -> Asked:
        """Check everything that deserves a status and begin the run."""
        caller = await identify(self._platform, request)
        body = validate(ChainBody, await request.json())
        session_id = wire.session_id_of(request.headers.get("session-id"), body.session_id)
        return await self.begin(caller, body, session_id, request)

    async def begin(
        self,
        caller: Caller,
        body: ChainBody,
        session_id: str | None,
        request: Request,
        *,
        channel: str = "api",
        metadata: Mapping[str, str] | None = None,
        callback_url: str | None = None,
    ) -> Asked:
        """Begin a run in the named conversation, or in a new one."""
        name = session_id or new_uuid()
        images = wire.to_images(body)
        files = tuple(body.context_files or ())
        if files:
            await self._platform.files.check(caller.agent_id, files)
        run_input = RunInput(
            messages=wire.to_messages(body),
            images=await take_in(self._platform, caller, images) if images else (),
            files=files,
            filter_hints=wire.to_hints(body),
            tool_headers=wire.tool_headers(request.headers.items()),
            retains_memory=bool(body.auto_memory_retain),
            limits=wire.to_limits(body),
            metadata=dict(metadata or {}),
        )
        wanted = RunRequest(
            agent_id=caller.agent_id,
            input=run_input,
            conversation=name,
            request_id=request.state.request_id,
            channel=channel,
            callback_url=callback_url,
            run_id=getattr(request.state, "run_id", None),
        )
        try:
            run = await self._platform.runs.start(caller.principal, wanted)
        except CoreError as error:
            # No run has begun, so nothing refers to its pictures; a store that was lost may have kept it all the same.
            if not isinstance(error, UpstreamFailed):
                await self._platform.files.forget(run_input.images)
            raise
        return Asked(caller=caller, run=run, session_id=name)

    async def _resume(self, request: Request) -> tuple[Asked, int, tuple[int, int]]:
        caller = await identify(self._platform, request)
        value = request.headers["last-event-id"].strip()
        run_id, _, number = value.rpartition(":")
        found = position(number)
        if found is None:
            raise InvalidRequest("Last-Event-ID: not an id that this server gave.", code="invalid_event_id")
        run = await self._named_run(request, caller, run_id or request.headers.get("run-id"))
        if run is None or run.agent_id != caller.agent_id:
            raise NotFound("run", message="There is no such request to go on with.")
        session_id = str(run.metadata.get("conversation", ""))
        return Asked(caller=caller, run=run, session_id=session_id), *found

    async def _named_run(self, request: Request, caller: Caller, run_id: str | None) -> Run | None:
        """Return the run a reconnecting client means: by its id, else the latest of its conversation."""
        find = self._platform.runs.find_resumable
        if run_id:
            return await find(caller.organization_id, run_id=run_id)
        body = await request.json() if await request.body() else {}
        in_body = body.get("session_id") if isinstance(body, dict) else None
        session_id = wire.session_id_of(
            request.headers.get("session-id"), in_body if isinstance(in_body, str) else None
        )
        return await find(
            caller.organization_id,
            agent_id=caller.agent_id,
            external_id=session_id,
            request_id=request.headers.get("request-id"),
        )
