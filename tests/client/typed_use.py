"""What people write with the client, for type checkers: `make types` reads it strictly, nothing runs it."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime

from trivium_client import (
    ApiError,
    AsyncEventStream,
    AsyncWabee,
    AsyncWisebot,
    AsyncWizChat,
    ChatbotConfigDocument,
    EventStream,
    Items,
    RateLimited,
    Tools,
    Wabee,
    Wisebot,
    WizChat,
    webhooks,
)
from trivium_client.models.wabee import ChainEvent, Memory, Session
from trivium_client.models.wisebot import ChatEvent, ChatFailed, ChatFinished, ChatTextDelta, FlowRun
from trivium_client.models.wizchat import Op, Revision


def ask(question: str) -> str:
    with Wabee("wab_live_x", "http://127.0.0.1:8080", agent="a1") as agent:
        result = agent.chain(question, session_id="s1")
        for step in result.body.intermediate_steps:
            print(step.tool, step.tool_input)
        return result.output or result.body.output


def pieces(question: str) -> Iterator[str]:
    with Wabee().with_options(timeout=5, max_retries=0) as agent:
        stream: EventStream[ChainEvent] = agent.chain_streaming(question)
        yield from stream.text_deltas()


async def pieces_async(question: str) -> AsyncIterator[str]:
    async with AsyncWabee() as agent:
        stream: AsyncEventStream[ChainEvent] = agent.chain_streaming(question)
        async for event in stream:
            if not event.is_final and event.agent_step == "TYPING_TEXT":
                yield event.text


def conversations() -> list[tuple[str, datetime]]:
    with Wabee() as agent:
        found: Iterator[Session] = agent.sessions.iterate()
        return [(session.session_id, session.created_at) for session in found]


async def remembered(query: str) -> list[str]:
    async with AsyncWabee() as agent:
        memories: Items[Memory] = await agent.memory.search(query)
        return [f"{memory.content} ({memory.score})" for memory in memories]


def told(event: ChatEvent) -> str:
    match event:
        case ChatTextDelta():
            return event.delta
        case ChatFinished():
            return ", ".join(source.name for source in event.sources or ())
        case ChatFailed():
            raise RuntimeError(f"{event.code}: {event.message}")
        case _:
            return event.type


def chat(prompt: str) -> str:
    with Wisebot() as client:
        made = client.agents.create("Doorman", "extractive", [Tools.knowledge_base(label="hours.txt")])
        session = client.chat.create_session("user_42", agent_id=made.id)
        stream = client.chat.stream(
            prompt=prompt, thread_id=session.thread_id, contact_session_id=session.contact_session_id
        )
        return "".join(told(event) for event in stream)


async def triage(flow_id: str) -> FlowRun | None:
    async with AsyncWisebot() as client:
        flow = await client.workflows.get(flow_id)
        result = await client.workflows.run(flow.id, {"message": "Hi"})
        if not result.ok or result.run_id is None:
            print(result.error, result.request_id)
            return None
        run = await client.workflows.get_run(result.run_id)
        slowest = max(step.attempt for step in run.steps)
        return None if slowest > 1 else (await client.workflows.runs(flow.id))[0]


def plan(chatbot_id: str) -> list[Op]:
    with WizChat() as client:
        document: ChatbotConfigDocument = client.get_config(chatbot_id)
        document.spec.core = {**(document.spec.core or {}), "name": "Shop"}
        planned = client.apply_config(chatbot_id, document, dry_run=True, prune=False)
        if not planned.plan.has_changes:
            return []
        done = client.apply_config(chatbot_id, document, if_match=planned.base_etag, plan_hash=planned.plan_hash)
        if done.failed is not None:
            print(done.failed.code, done.failed.message)
        return [op for op in planned.plan.ops if op.action == "update"]


async def history(chatbot_id: str) -> list[Revision]:
    async with AsyncWizChat() as client:
        try:
            return [revision async for revision in client.revisions.iterate(chatbot_id)]
        except RateLimited as error:
            print(error.retry_after_s, error.request_id)
        except ApiError as error:
            print(error.status, error.code, error.message, error.details)
        return []


def received(body: bytes, headers: dict[str, str], secret: str) -> str:
    event = webhooks.unwrap(body, headers, secret)
    return str(event["type"])
