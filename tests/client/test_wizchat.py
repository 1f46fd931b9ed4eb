"""Configuration as a document: what the published client does, and what it cannot."""

import json

import pytest

from tests.client.conftest import settled
from tests.client.misbehaving import Server, answer
from trivium_client import AsyncWizChat, BadRequest, ChatbotConfigDocument, WizChat, WizChatApiError, WizChatClient

EXPORT = {
    "apiVersion": "v1",
    "kind": "ChatbotConfig",
    "spec": {"core": {"name": "Acme", "behavior": {"x": None}}, "skills": [{"name": "refunds", "body": "…"}]},
    "_omittedSections": ["telemetry"],
}
PLAN = {"ops": [], "summary": {"create": 0, "update": 0, "delete": 0, "noop": 0}}
DONE = {"dryRun": False, "plan": PLAN, "applied": [], "failed": None, "config": EXPORT}
PARTIAL = {
    **DONE,
    "failed": {"op": {"section": "telemetry", "action": "update"}, "status": 500, "code": "x", "message": "No."},
}


@pytest.fixture(params=[WizChat, AsyncWizChat])
async def wizchat(request, server: Server):
    client = request.param("wpk_live_1", server.url)
    yield client
    await settled(client.close())


async def test_partial_failure_is_returned(server: Server, wizchat) -> None:
    server.will(answer(PARTIAL, 422))
    result = await settled(wizchat.apply_config("b1", EXPORT))
    assert result.failed is not None
    assert (result.failed.message, result.failed.op["section"]) == ("No.", "telemetry")
    assert len(server.asked) == 1


@pytest.mark.parametrize("body", [{"error": {"code": "bad_request", "message": "x"}}, {"error": None}, {"detail": []}])
async def test_other_422_is_raised(server: Server, wizchat, body) -> None:
    server.will(answer(body, 422))
    with pytest.raises(BadRequest):
        await settled(wizchat.apply_config("b1", EXPORT))


async def test_what_only_an_export_holds_is_not_sent(server: Server, wizchat) -> None:
    server.will(answer(DONE))
    await settled(wizchat.apply_config("b1", {**EXPORT, "dryRun": True}))
    assert server.asked[0].json() == {key: value for key, value in EXPORT.items() if key != "_omittedSections"}
    assert server.asked[0].query == {}


async def test_dry_run_is_said_in_the_query(server: Server, wizchat) -> None:
    server.will(answer({"dryRun": True, "plan": PLAN}, base_etag='"7"'))
    result = await settled(wizchat.apply_config("b1", EXPORT, dry_run=True))
    assert server.asked[0].query == {"dryRun": "true"}
    assert (result.dryRun, result.base_etag) == (True, '"7"')


async def test_prune_of_the_call_wins(server: Server, wizchat) -> None:
    server.will(answer(DONE))
    await settled(wizchat.apply_config("b1", {**EXPORT, "prune": True}, prune=False))
    await settled(wizchat.apply_config("b1", {**EXPORT, "prune": True}))
    assert [asked.json()["prune"] for asked in server.asked] == [False, True]


async def test_export_is_sent_back_as_it_came(server: Server, wizchat) -> None:
    server.will(answer(EXPORT, etag='"3"'), answer(DONE))
    config = await settled(wizchat.get_config("b1"))
    await settled(wizchat.apply_config("b1", config, if_match=config.etag))
    assert server.asked[1].json()["spec"] == EXPORT["spec"]
    assert server.asked[1].headers["if-match"] == '"3"'
    assert config.omitted_sections == ["telemetry"]


def test_field_set_to_none_is_cleared() -> None:
    from trivium_client._async.wizchat import body_of

    document = ChatbotConfigDocument.model_validate(json.loads(json.dumps(EXPORT)))
    assert document.spec.skills is not None
    document.spec.skills[0].description = None
    assert json.loads(json.dumps(body_of(document, None)))["spec"]["skills"] == [
        {"name": "refunds", "body": "…", "description": None}
    ]


async def test_pages_are_followed(server: Server, wizchat) -> None:
    from tests.client.conftest import collected

    server.will(
        answer({"chatbots": [{"id": "b1", "name": "One"}], "nextCursor": "c1"}),
        answer({"chatbots": [{"id": "b2", "name": "Two"}]}),
    )
    assert [bot.id for bot in await collected(wizchat.iterate_chatbots(page_size=1))] == ["b1", "b2"]
    assert [asked.query for asked in server.asked] == [{"limit": "1"}, {"limit": "1", "cursor": "c1"}]


def test_published_example_runs(server: Server, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """The quick start of the published client, with the import and the environment changed."""
    monkeypatch.setenv("WIZCHAT_BASE_URL", server.url)
    server.will(
        answer({"chatbots": [{"id": "b1", "name": "One"}]}),
        answer(EXPORT),
        answer({"dryRun": True, "plan": PLAN}),
        answer(DONE),
        answer({"error": {"code": "insufficient_scope", "message": "Key lacks required scope"}}, 403),
    )
    wizchat = WizChatClient(api_key="wpk_live_1")
    try:
        chatbots = wizchat.list_chatbots()
        config = wizchat.get_config(chatbots[0].id)
        core = dict(config.spec.core or {})
        core["name"] = "Acme Support Bot"
        config.spec.core = core
        plan = wizchat.apply_config(chatbots[0].id, config, dry_run=True)
        print(plan.plan.summary)
        assert wizchat.apply_config(chatbots[0].id, config).applied == []
        wizchat.list_chatbots()
    except WizChatApiError as err:
        print(f"API error {err.status} [{err.code}]: {err.message}", err.details)
    finally:
        wizchat.close()
    assert server.asked[3].json()["spec"]["core"]["name"] == "Acme Support Bot"
    assert capsys.readouterr().out == (
        "create=0 update=0 delete=0 noop=0\nAPI error 403 [insufficient_scope]: Key lacks required scope None\n"
    )
