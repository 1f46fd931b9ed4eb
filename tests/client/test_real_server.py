"""Every operation of the three clients against a real server with its sample organization, in both colours."""

import re

import pytest

from tests.client.conftest import collected, settled
from tests.docs.conftest import DemoServer, demo_server  # noqa: F401
from tools.client_calls import PLUMBING, methods
from trivium_client import (
    AsyncWabee,
    AsyncWisebot,
    AsyncWizChat,
    Tools,
    Wabee,
    Wisebot,
    WizChat,
    trigger_workflow,
    trigger_workflow_async,
)

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]
QUESTION = "How long do I have to return an item?"
FLOW = {
    "name": "Echo",
    "steps": [
        {"id": "s1", "key": "message", "type": "input", "name": "M", "config": {"field": "message", "required": True}},
        {"id": "s2", "key": "out", "type": "output", "name": "R", "config": {"value": "{{message}}"}},
    ],
    "edges": [{"from": "s1", "to": "s2"}],
}
CALLED: dict[str, set[str]] = {}


class Recorder:
    """Notes which methods of a client are called, by their dotted names."""

    def __init__(self, thing: object, called: set[str], prefix: str = "") -> None:
        self._thing, self._called, self._prefix = thing, called, prefix

    def __getattr__(self, name: str):
        value = getattr(self._thing, name)
        if type(value).__module__.startswith(("trivium_client._async", "trivium_client._generated")):
            return Recorder(value, self._called, f"{self._prefix}{name}.")
        if callable(value):
            self._called.add(self._prefix + name)
        return value


def recorded(client: object) -> Recorder:
    return Recorder(client, CALLED.setdefault(type(client).__name__, set()))


@pytest.fixture(params=[Wabee, AsyncWabee])
async def wabee(request, demo_server: DemoServer):  # noqa: F811
    client = request.param(demo_server.environment["WABEE_API_KEY"], demo_server.environment["WABEE_ENDPOINT"])
    yield recorded(client)
    await settled(client.close())


@pytest.fixture(params=[Wisebot, AsyncWisebot])
async def wisebot(request, demo_server: DemoServer):  # noqa: F811
    token = demo_server.environment["WISEBOT_ACCESS_TOKEN"]
    client = request.param(token, demo_server.environment["WISEBOTAI_BASE_URL"])
    yield recorded(client)
    await settled(client.close())


@pytest.fixture(params=[WizChat, AsyncWizChat])
async def wizchat(request, demo_server: DemoServer):  # noqa: F811
    client = request.param(demo_server.environment["WIZCHAT_API_KEY"], demo_server.environment["WIZCHAT_BASE_URL"])
    yield recorded(client)
    await settled(client.close())


async def test_agent_answers_and_streams_the_same(wabee) -> None:
    result = await settled(wabee.chain(QUESTION, session_id="sdk-1"))
    assert "30 days" in result.body.output
    stream = wabee.chain_streaming(QUESTION, session_id="sdk-2")
    assert "30 days" in await settled(stream.text())
    assert stream.run_id
    accepted = await settled(wabee.chain_async(QUESTION, session_id="sdk-3", event_id="evt-1"))
    assert (accepted.status, accepted.session_id) == ("accepted", "sdk-3")


async def test_agent_tells_about_itself(wabee) -> None:
    assert (await settled(wabee.metadata())).name == "Acme Support"
    assert (await settled(wabee.health())).is_healthy
    assert await settled(wabee.tools.list()) is not None
    assert (await settled(wabee.metrics())).total_requests >= 0
    assert (await settled(wabee.logs(limit=2))).entries is not None
    with pytest.raises(Exception, match="wibble"):
        await settled(wabee.tools.execute("wibble", {}))


async def test_conversations_are_listed_read_and_deleted(wabee) -> None:
    await settled(wabee.chain(QUESTION, session_id="sdk-del"))
    found = await collected(wabee.sessions.iterate(page_size=1))
    assert "sdk-del" in {session.session_id for session in found}
    assert len((await settled(wabee.sessions.list(limit=1))).sessions) == 1
    assert [message.role for message in (await settled(wabee.sessions.get("sdk-del"))).messages] == ["human", "ai"]
    assert (await settled(wabee.sessions.trace("sdk-del"))).execution_summary.total_requests == 1
    assert isinstance(await settled(wabee.sessions.active()), list)
    await settled(wabee.sessions.delete("sdk-del"))


async def test_memory_is_kept_found_and_forgotten(wabee) -> None:
    kept = await settled(wabee.memory.observe("Plant 7 is closed on Fridays", strategy="update"))
    assert kept.memory is not None
    assert kept.memory.id in {one.id for one in await settled(wabee.memory.list())}
    assert await settled(wabee.memory.search("When is plant 7 closed?"))
    await settled(wabee.memory.forget([kept.memory.id]))
    await settled(wabee.memory.reset())
    assert await settled(wabee.memory.list()) == []


async def test_helpers_and_files_of_an_agent(wabee) -> None:
    made = await settled(wabee.sub_agents.create("Research", description="Collects facts", objective="Be right"))
    assert made.sub_agent_id in {one.id for one in await settled(wabee.sub_agents.list())}
    assert (await settled(wabee.sub_agents.get(made.sub_agent_id))).status == 200
    await settled(wabee.sub_agents.delete(made.sub_agent_id))
    file = await settled(wabee.files.upload(b"The gate code is 4711.", name="gate.txt"))
    assert file.path.endswith("gate.txt")


async def test_organization_at_a_glance(wisebot) -> None:
    assert (await settled(wisebot.v1.status())).organization.name == "Acme"
    assert (await settled(wisebot.v1.activity.list(limit=5))).lines is not None


async def test_agents_and_knowledge(wisebot) -> None:
    steps: list[tuple[int, int | None]] = []
    file = await settled(
        wisebot.knowledge.upload(b"We open at nine.", name="hours.txt", on_progress=lambda *step: steps.append(step))
    )
    assert steps[-1] == (16, 16)
    assert (await settled(wisebot.knowledge.resolve("hours.txt"))).file_id == file.id
    assert "hours.txt" in {one.name for one in await settled(wisebot.knowledge.list(limit=100))}
    tools = [Tools.knowledge_base(label="hours.txt")]
    agent = await settled(wisebot.agents.create("Doorman", "extractive", tools, instructions="Be brief."))
    assert (await settled(wisebot.agents.update(agent.id, {"name": "Porter"}))).name == "Porter"
    assert (await settled(wisebot.agents.get(agent.id))).tools[0].type == "knowledge_base"
    assert agent.id in {one.id for one in await settled(wisebot.agents.list())}
    await settled(wisebot.agents.delete(agent.id))
    await settled(wisebot.knowledge.delete(file.id))


async def test_visitor_chats(wisebot) -> None:
    session = await settled(wisebot.chat.create_session("visitor-1", name="Jane", force_new=True))
    pair = {"thread_id": session.thread_id, "contact_session_id": session.contact_session_id}
    found = await settled(wisebot.chat.get_session("visitor-1"))
    assert found.conversation_id == session.conversation_id
    assert await settled(wisebot.chat.get_session("nobody")) is None
    events = await collected(wisebot.chat.stream(prompt=QUESTION, **pair))
    assert "30 days" in events[-1].full_text
    assert events[-1].sources
    assert len(await settled(wisebot.chat.messages(**pair))) >= 2
    await settled(wisebot.chat.feedback(message_id=events[0].message_id, rating="up", **pair))
    assert (await settled(wisebot.chat.stop(**pair)))["stopped"] is False


async def test_playground_answers_later(wisebot) -> None:
    (agent, *_) = await settled(wisebot.agents.list())
    accepted = await settled(wisebot.playground.send(agent.id, QUESTION))
    run = await settled(wisebot.playground.wait(accepted.run_id, poll=0.05))
    assert "30 days" in run.text
    assert (await settled(wisebot.playground.get(accepted.run_id))).is_final
    assert await settled(wisebot.playground.sessions())
    assert (await settled(wisebot.playground.get_session(accepted.session_id))).messages
    await settled(wisebot.playground.delete_session(accepted.session_id))


async def test_workflows_run_and_are_triggered(wisebot, demo_server: DemoServer) -> None:  # noqa: F811
    flow = await settled(wisebot.workflows.create(FLOW))
    assert (await settled(wisebot.workflows.run(flow.id, {"message": "hi"}))).result == "hi"
    started = await settled(wisebot.workflows.start(flow.id, {"message": "hi"}))
    assert (await settled(wisebot.workflows.get_run(started.run_id))).id == started.run_id
    await settled(wisebot.workflows.cancel_run(started.run_id))
    await settled(wisebot.workflows.rerun(started.run_id))
    assert len(await settled(wisebot.workflows.runs(flow.id))) >= 2
    assert flow.id in {one.id for one in await settled(wisebot.workflows.list())}
    assert (await settled(wisebot.workflows.get(flow.id)))["name"] == "Echo"
    await settled(wisebot.workflows.replace(flow.id, {**FLOW, "name": "Echo 2"}))
    assert (await settled(wisebot.workflows.versions(flow.id)))[0]["version"] >= 1
    assert await settled(wisebot.workflows.forms()) == []
    secret = (await settled(wisebot.workflows.rotate_secret(flow.id)))["webhookSecret"]
    origin = demo_server.environment["WISEBOTAI_BASE_URL"]
    assert trigger_workflow(origin, secret, flow.id, {"message": "yo"}).json()["result"] == "yo"
    assert (await trigger_workflow_async(origin, secret, flow.id, {"message": "yo"}, wait=False)).status == 202
    await settled(wisebot.workflows.delete(flow.id))


async def test_runs_are_looked_at(wisebot, wabee_once: str) -> None:
    (run, *_) = await settled(wisebot.runs.list(limit=1, status="succeeded"))
    whole = await settled(wisebot.runs.get(run.id))
    events = await settled(wisebot.runs.events(run.id))
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert events[-1].type == "RunFinished"
    assert "".join(event.model_extra["text"] for event in events if event.type == "TextDelta") == whole["output"]
    assert (await settled(wisebot.runs.cancel(run.id)))["status"] == "succeeded"
    with pytest.raises(Exception, match=r"40[49]"):
        await settled(wisebot.runs.decide(run.id, "apr_none", approve=True))


async def test_keys_and_webhooks_are_administered(wisebot) -> None:
    key = await settled(wisebot.admin.api_keys.create("Nightly"))
    assert key.key.startswith("wb_live_")
    assert key.id in {one.id for one in await settled(wisebot.admin.api_keys.list())}
    await settled(wisebot.admin.api_keys.revoke(key.id))
    hook = await settled(wisebot.admin.webhooks.create("https://example.com/hook", ["message.created"]))
    assert hook.secret
    assert not (await settled(wisebot.admin.webhooks.update(hook.id, enabled=False))).enabled
    sent = await settled(wisebot.admin.webhooks.test(hook.id))
    assert sent.id in {one.id for one in await settled(wisebot.admin.deliveries.list())}
    assert (await settled(wisebot.admin.deliveries.get(sent.id)))["type"] == "ping"
    with pytest.raises(Exception, match=r"409|not"):
        await settled(wisebot.admin.deliveries.resend(sent.id + "x"))
    assert hook.id in {one.id for one in await settled(wisebot.admin.webhooks.list())}
    await settled(wisebot.admin.webhooks.delete(hook.id))
    with pytest.raises(Exception, match="401"):
        await settled(wisebot.login("nobody@example.com", "wrong"))


@pytest.fixture
def wabee_once(demo_server: DemoServer) -> str:  # noqa: F811
    """Ask once, so that there is a run of an agent that has ended."""
    with Wabee(demo_server.environment["WABEE_API_KEY"], demo_server.environment["WABEE_ENDPOINT"]) as client:
        return client.chain(QUESTION).body.output


async def test_chatbots_and_their_configuration(wizchat) -> None:
    bot = await settled(wizchat.create_chatbot("Shop", description="A shop"))
    assert bot.id in {one.id for one in await settled(wizchat.list_chatbots())}
    assert bot.id in {one.id for one in await collected(wizchat.iterate_chatbots(page_size=1))}
    assert (await settled(wizchat.update_chatbot(bot.id, {"name": "Shop 2"}))).name == "Shop 2"
    assert (await settled(wizchat.get_chatbot(bot.id))).name == "Shop 2"
    config = await settled(wizchat.get_config(bot.id))
    config.spec.core = {**(config.spec.core or {}), "name": "Shop 3"}
    planned = await settled(wizchat.apply_config(bot.id, config, dry_run=True))
    assert planned.plan.summary.update == 1
    done = await settled(
        wizchat.apply_config(bot.id, config, if_match=planned.base_etag, plan_hash=planned.plan_hash, atomic=True)
    )
    assert (done.failed, done.revision) == (None, 3)
    revisions = await collected(wizchat.revisions.iterate(bot.id))
    assert [one.number for one in revisions] == [3, 2, 1]
    assert len(await settled(wizchat.revisions.list(bot.id, limit=1))) == 1
    assert (await settled(wizchat.revisions.get(bot.id, 1))).config
    assert (await settled(wizchat.revisions.diff(bot.id, 1))).plan.has_changes
    assert (await settled(wizchat.revisions.restore(bot.id, 1))).failed is None
    assert (await settled(wizchat.revisions.drift(bot.id))).plan is not None
    await settled(wizchat.delete_chatbot(bot.id))


async def test_servers_skills_and_secrets(wizchat) -> None:
    bot = await settled(wizchat.create_chatbot("Shop"))
    spec = {"mcpServers": [{"name": "crm", "transport": "http", "url": "https://crm.example.com/mcp"}], "skills": []}
    document = {"apiVersion": "v1", "kind": "ChatbotConfig", "spec": spec}
    assert (await settled(wizchat.apply_config(bot.id, document))).failed is None
    place = "mcpServers/crm/headers/Authorization"
    assert (await settled(wizchat.secrets.put(bot.id, {place: "one"}, dry_run=True)))[0].action == "create"
    (written,) = await settled(wizchat.secrets.put(bot.id, {place: "one"}))
    assert (await settled(wizchat.secrets.list(bot.id)))[0].fingerprint == written.fingerprint
    await settled(wizchat.rename(bot.id, "mcpServers", old="crm", new="customers"))
    assert (await settled(wizchat.secrets.list(bot.id)))[0].place == "mcpServers/customers/headers/Authorization"
    await settled(wizchat.delete_chatbot(bot.id))


async def test_service_of_the_management_api(wizchat, demo_server: DemoServer) -> None:  # noqa: F811
    assert (await settled(wizchat.usage())).period == "day"
    assert (await settled(wizchat.openapi()))["openapi"].startswith("3.1")
    with pytest.raises(Exception, match=r"401|400"):
        await settled(wizchat.fetch_token("occ_none", "wrong"))


def test_what_is_not_called_here_is_known() -> None:
    """Shrinks as the server grows: a method that is neither called above nor listed here fails the test."""
    waiting = re.compile(
        r"(access_lists|access_protection|analytics|deployment|documents|domains|external_api|mcp_servers"
        r"|oauth_clients|scopes|skills|telemetry|videos)\."
    )
    for name in sorted(CALLED):
        client = {c.__name__: c for c in (Wabee, AsyncWabee, Wisebot, AsyncWisebot, WizChat, AsyncWizChat)}[name]
        every = {method for method, _ in methods(client("token")) if method not in PLUMBING}
        missing = {method for method in every - CALLED[name] if not waiting.match(method)}
        assert missing <= {"workflows.answer_form"}, name
