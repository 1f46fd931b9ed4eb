"""The rest of the Wisebot client against a real server: signing in, listening, workflows as configuration, bookings."""

import json
import uuid
from typing import Any

import pytest

from tests.client.conftest import collected, opened, settled, taken
from tests.docs.conftest import DemoServer, demo_server  # noqa: F401
from trivium_client import (
    AsyncWisebot,
    AsyncWizChat,
    BadRequest,
    NotAuthenticated,
    NotFound,
    Wisebot,
    WizChat,
    webhooks,
)

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]


@pytest.fixture(params=[Wisebot, AsyncWisebot])
async def wisebot(request, demo_server: DemoServer):  # noqa: F811
    token = demo_server.environment["WISEBOT_ACCESS_TOKEN"]
    client = request.param(token, demo_server.environment["WISEBOTAI_BASE_URL"])
    yield client
    await settled(client.close())


@pytest.fixture(params=[WizChat, AsyncWizChat])
async def wizchat(request, demo_server: DemoServer):  # noqa: F811
    token = demo_server.environment["WISEBOT_ACCESS_TOKEN"]
    client = request.param(token, demo_server.environment["WIZCHAT_BASE_URL"])
    yield client
    await settled(client.close())


async def test_machine_is_signed_in_by_a_person_and_signs_out(wisebot) -> None:
    assert (await settled(wisebot.me())).kind == "token"
    codes = await settled(wisebot.sign_in.start("Laptop", role="member"))
    shown = await settled(wisebot.sign_in.show(codes.user_code))
    assert (shown.device, shown.status) == ("Laptop", "pending")
    assert (await settled(wisebot.sign_in.approve(codes.user_code))).status == "approved"
    token = await settled(wisebot.sign_in.wait(codes.device_code))
    wisebot_device = type(wisebot)(token.access_token, wisebot.base_url)
    me = await settled(wisebot_device.me())
    assert (me.kind, me.organization.name) == ("device", "Acme")
    assert (await settled(wisebot_device.logout())).revoked
    with pytest.raises(NotAuthenticated):
        await settled(wisebot_device.me())
    await settled(wisebot_device.close())


async def test_machine_that_is_refused_gets_no_key(wisebot) -> None:
    codes = await settled(wisebot.sign_in.start("Stranger"))
    with pytest.raises(BadRequest) as caught:
        await settled(wisebot.sign_in.poll(codes.device_code))
    assert caught.value.code == "authorization_pending"
    assert (await settled(wisebot.sign_in.deny(codes.user_code))).status == "denied"


async def test_events_are_heard_signed_and_in_order(wisebot) -> None:
    listener = await settled(wisebot.admin.listeners.open(["message.created"]))
    for text in ("one", "two"):
        sent = await settled(wisebot.admin.listeners.trigger("message.created", {"text": text}))
        assert sent.listeners >= 1
    async with opened(wisebot.admin.listeners.events(listener.id)) as stream:
        heard = await taken(stream, 2)
    assert [event.type for event in heard] == ["message.created"] * 2
    told: list[Any] = [webhooks.unwrap(event.body, event.headers, listener.secret) for event in heard]
    assert [event["data"]["text"] for event in told] == ["one", "two"]
    async with opened(wisebot.admin.listeners.events(listener.id, after=heard[0].seq)) as stream:
        assert [event.id for event in await taken(stream, 1)] == [heard[1].id]
    await settled(wisebot.admin.listeners.close(listener.id))
    with pytest.raises(NotFound):
        await collected(wisebot.admin.listeners.events(listener.id))


def document(name: str) -> dict[str, object]:
    step = {"id": "s1", "key": "out", "type": "output", "name": "R", "config": {"value": "x"}}
    return {"apiVersion": "v1", "kind": "WorkflowSet", "workflows": [{"name": name, "steps": [step], "edges": []}]}


async def test_workflows_are_configuration(wisebot) -> None:
    name = f"Set {uuid.uuid4()}"
    planned = await settled(wisebot.workflow_config.apply(document(name), dry_run=True))
    assert planned.plan.summary.create == 1
    done = await settled(wisebot.workflow_config.apply(document(name), plan_hash=planned.plan_hash))
    assert done.failed is None
    assert name in {one.name for one in (await settled(wisebot.workflow_config.export())).workflows}
    assert not (await settled(wisebot.workflow_config.drift())).plan.has_changes
    (flow,) = [one for one in await settled(wisebot.workflows.list(limit=200)) if one["name"] == name]
    run = await settled(wisebot.workflows.run(flow.id))
    assert run.run_id in {one.id for one in await settled(wisebot.workflows.all_runs(limit=200, status="succeeded"))}


async def test_workflows_are_configuration_for_the_other_client_too(wizchat) -> None:
    name = f"Set {uuid.uuid4()}"
    assert (await settled(wizchat.workflow_config.apply(document(name)))).failed is None
    assert name in {one.name for one in (await settled(wizchat.workflow_config.export())).workflows}
    assert (await settled(wizchat.workflow_config.drift())).plan is not None


async def test_appointment_is_listed_and_cancelled(wisebot) -> None:
    calendar = {"type": "book_appointment", "config": {"noticeMinutes": 0}}
    agent = await settled(wisebot.agents.create("Clerk", script("find_appointments", days=14), [calendar]))
    free = (await _output(wisebot, agent.id))["free"]
    model = script("book_appointment", start=free[-1], name="Ada", reach="a@b.c")
    await settled(wisebot.agents.update(agent.id, {"model": model}))
    made = await _output(wisebot, agent.id)
    (booking,) = [one for one in await settled(wisebot.bookings.list()) if one.id == made["booking_id"]]
    assert (booking.name, booking.agent_id) == ("Ada", agent.id)
    assert booking.id in {one.id for one in await collected(wisebot.bookings.iterate(page_size=1))}
    assert (await settled(wisebot.bookings.cancel(booking.id))).status == "cancelled"


async def test_secret_of_a_tool_is_written_and_deleted(wisebot) -> None:
    agent = await settled(wisebot.agents.create("Shop", "scripted/echo"))
    kept = await settled(wisebot.agents.put_secret(agent.id, "shop", "s3cret"))
    assert [one.fingerprint for one in await settled(wisebot.agents.secrets(agent.id))] == [kept.fingerprint]
    await settled(wisebot.agents.delete_secret(agent.id, "shop"))
    assert [*await settled(wisebot.agents.secrets(agent.id))] == []


def script(tool: str, **given: object) -> str:
    """Return the name of a model that calls a tool and says no more."""
    turns = [{"tool_calls": [{"name": tool, "input": given}]}, {"text": "x"}]
    return "scripted/script?turns=" + json.dumps(turns, separators=(",", ":")).replace("+", "%2B")


async def _output(wisebot, agent_id: str) -> dict:
    session = await settled(wisebot.chat.create_session(f"v-{uuid.uuid4()}", agent_id=agent_id))
    events = await collected(
        wisebot.chat.stream(prompt="Go", thread_id=session.thread_id, contact_session_id=session.contact_session_id)
    )
    return next(event.output for event in events if event.type == "tool-result")
