"""Every method of the Wabee client, in both colours, against a real server with its sample organization."""

import pytest

from tests.client.conftest import collected, settled
from tests.docs.conftest import DemoServer, demo_server  # noqa: F401
from trivium_client import AsyncWabee, NotFound, Tools, Wabee, Wisebot

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]
QUESTION = "How long do I have to return an item?"


@pytest.fixture(params=[Wabee, AsyncWabee])
async def wabee(request, demo_server: DemoServer):  # noqa: F811
    client = request.param(demo_server.environment["WABEE_API_KEY"], demo_server.environment["WABEE_ENDPOINT"])
    yield client
    await settled(client.close())


async def test_question_is_answered_with_its_steps_and_usage(wabee) -> None:
    result = await settled(wabee.chain(QUESTION, session_id="sdk-1", request_id="req-1"))
    assert "30 days" in result.body.output
    assert (result.session_id, result.request_id) == ("sdk-1", "req-1")
    assert result.body.input == QUESTION
    assert result.raw_response.status == 200


async def test_question_is_streamed_to_its_end(wabee) -> None:
    stream = wabee.chain_streaming(QUESTION, session_id="sdk-2")
    events = await collected(stream)
    assert "30 days" in "".join(event.text for event in events)
    assert events[-1].is_final
    assert stream.run_id
    assert stream.last_event_id is not None
    assert int(stream.last_event_id) >= len(events)


async def test_question_is_taken_for_later_once(wabee) -> None:
    event_id = f"evt-{type(wabee).__name__}"
    first = await settled(wabee.chain_async(QUESTION, session_id="sdk-3", event_id=event_id))
    again = await settled(wabee.chain_async(QUESTION, session_id="sdk-3", event_id=event_id))
    assert (first.status, first.session_id, first.id) == ("accepted", "sdk-3", again.id)


async def test_agent_tells_about_itself(wabee) -> None:
    about = await settled(wabee.metadata())
    assert (about.name, bool(about.request_id)) == ("Acme Support", True)
    health = await settled(wabee.health())
    assert health.is_healthy
    tools = await settled(wabee.tools.list())
    assert all(tool.input_schema.get("type") == "object" for tool in tools)
    with pytest.raises(NotFound, match="wibble"):
        await settled(wabee.tools.execute("wibble", {}))


async def test_named_agent_runs_its_tool(wabee, demo_server: DemoServer) -> None:  # noqa: F811
    environment = demo_server.environment
    with Wisebot(environment["WISEBOT_ACCESS_TOKEN"], environment["WISEBOTAI_BASE_URL"]) as owner:
        agent = owner.agents.create("Counter", "extractive", [Tools.builtin("calculator")])
        key = owner.admin.api_keys.create("Counter", kind="wabee", agent_ids=[agent.id])
    named = type(wabee)(key.key, environment["WABEE_ENDPOINT"], agent=agent.id)
    assert (await settled(named.metadata())).name == "Counter"
    assert "calculator" in {tool.name for tool in await settled(named.tools.list())}
    result = await settled(named.tools.execute("calculator", {"expression": "6*7"}))
    assert (result.status, "42" in str(result.output)) == ("success", True)
    failed = await settled(named.tools.execute("calculator", {"expression": "6*"}))
    assert failed.status == "error"
    await settled(named.close())


async def test_runs_are_counted_and_logged(wabee) -> None:
    await settled(wabee.chain(QUESTION, session_id="sdk-log"))
    metrics = await settled(wabee.metrics())
    assert metrics.total_requests >= 1
    assert metrics.status_value_counts["success"] >= 1
    page = await settled(wabee.logs(limit=1))
    assert len(page.entries) == 1
    assert (page.entries[0].status, page.total >= 1) == ("success", True)
    assert (await settled(wabee.logs(end_timestamp=1))).entries == []


async def test_conversations_are_listed_read_and_deleted(wabee) -> None:
    for number in range(3):
        await settled(wabee.chain("Hello", session_id=f"sdk-page-{number}"))
    found = await collected(wabee.sessions.iterate(page_size=1))
    ids = [session.session_id for session in found]
    assert {"sdk-page-0", "sdk-page-1", "sdk-page-2"} <= set(ids)
    assert len(ids) == len(set(ids))
    page = await settled(wabee.sessions.list(limit=1))
    assert (len(page.sessions), page.has_more) == (1, True)
    detail = await settled(wabee.sessions.get("sdk-page-1"))
    assert [message.role for message in detail.messages] == ["human", "ai"]
    await settled(wabee.sessions.delete("sdk-page-1"))
    with pytest.raises(NotFound):
        await settled(wabee.sessions.get("sdk-page-1"))


async def test_conversation_is_traced(wabee) -> None:
    await settled(wabee.chain(QUESTION, session_id="sdk-trace", request_id="req-trace"))
    trace = await settled(wabee.sessions.trace("sdk-trace", max_content_length=10))
    assert trace.execution_summary.total_requests >= 1
    assert trace.requests[-1].status == "completed"
    assert trace.user_messages[0].role == "user"
    assert await settled(wabee.sessions.active()) == []


async def test_memory_is_kept_found_corrected_and_forgotten(wabee) -> None:
    kept = await settled(wabee.memory.observe("Plant 7 is closed on Fridays", strategy="update"))
    assert kept.memory is not None
    assert kept.memory.id in {one.id for one in await settled(wabee.memory.list())}
    found = await settled(wabee.memory.search("When is plant 7 closed?"))
    assert found[0].score > 0
    changed = await settled(wabee.memory.update(kept.memory.id, "Plant 7 is closed on Mondays"))
    assert changed.memory.content == "Plant 7 is closed on Mondays"
    assert (await settled(wabee.memory.forget([kept.memory.id, "mem_none"]))).deleted == [kept.memory.id]
    await settled(wabee.memory.observe("Plant 8 is new"))
    assert (await settled(wabee.memory.reset())).deleted == 1
    assert await settled(wabee.memory.list()) == []


async def test_memory_of_one_visitor_is_not_anothers(wabee) -> None:
    await settled(wabee.memory.observe("Likes tea", visitor_id="v1", module_id="tastes"))
    assert len(await settled(wabee.memory.list("tastes", visitor_id="v1"))) == 1
    assert await settled(wabee.memory.list("tastes", visitor_id="v2")) == []
    await settled(wabee.memory.reset("tastes"))


async def test_helpers_of_an_agent(wabee) -> None:
    made = await settled(wabee.sub_agents.create("Research", description="Collects facts", objective="Be right"))
    assert made.sub_agent_info.name == "Research"
    assert made.sub_agent_id in {one.id for one in await settled(wabee.sub_agents.list())}
    assert (await settled(wabee.sub_agents.get(made.sub_agent_id))).description == "Collects facts"
    await settled(wabee.sub_agents.delete(made.sub_agent_id))
    with pytest.raises(NotFound):
        await settled(wabee.sub_agents.get(made.sub_agent_id))


async def test_files_of_an_agent(wabee) -> None:
    seen: list[tuple[int, int | None]] = []
    content = b"The gate code is 4711."
    file = await settled(
        wabee.files.upload(content, name="gate.txt", file_path="notes/gate.txt", on_progress=lambda *s: seen.append(s))
    )
    assert (file.path, file.size, seen[-1]) == ("notes/gate.txt", len(content), (len(content), len(content)))
    assert "notes/gate.txt" in {one.path for one in await settled(wabee.files.list())}
    answer = await settled(wabee.chain("What is the gate code?", context_files=[file.path]))
    assert "4711" in answer.body.output
    await settled(wabee.files.delete("notes/gate.txt"))
    assert "notes/gate.txt" not in {one.path for one in await settled(wabee.files.list())}
