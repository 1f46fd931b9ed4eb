"""Every method of the WizChat client, in both colours, against a real server with its sample organization."""

import base64
import json

import pytest

from tests.client.conftest import collected, settled
from tests.docs.conftest import DemoServer, demo_server  # noqa: F401
from trivium_client import (
    AsyncWizChat,
    BadRequest,
    Conflict,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    ServerFailed,
    WizChat,
)

pytestmark = [pytest.mark.server, pytest.mark.timeout(180)]
PICTURE = base64.b64decode("R0lGODdhAQABAIAAAP///////ywAAAAAAQABAAACAkQBADs=")
CRM = {"transport": "http", "url": "https://crm.example.com/mcp"}


@pytest.fixture(params=[WizChat, AsyncWizChat])
async def wizchat(request, demo_server: DemoServer):  # noqa: F811
    client = request.param(demo_server.environment["WIZCHAT_API_KEY"], demo_server.environment["WIZCHAT_BASE_URL"])
    yield client
    await settled(client.close())


@pytest.fixture
async def bot(wizchat) -> str:
    """Return the id of a chatbot of the test's own."""
    return (await settled(wizchat.create_chatbot("Shop", description="A shop"))).id


async def test_chatbots_are_made_changed_and_deleted(wizchat) -> None:
    bot = (await settled(wizchat.create_chatbot("Shop", description="A shop"))).id
    ids = [one.id for one in await collected(wizchat.iterate_chatbots(page_size=1))]
    assert (bot in ids, len(ids)) == (True, len(set(ids)))
    listed = await settled(wizchat.list_chatbots())
    assert [one.id for one in listed] == ids
    assert listed[0].request_id == listed.request_id
    assert (await settled(wizchat.update_chatbot(bot, {"name": "Shop 2"}))).name == "Shop 2"
    assert (await settled(wizchat.get_chatbot(bot))).description == "A shop"
    await settled(wizchat.delete_chatbot(bot))
    with pytest.raises(NotFound) as caught:
        await settled(wizchat.get_chatbot(bot))
    assert (caught.value.status, caught.value.code, bool(caught.value.request_id)) == (404, "not_found", True)


async def test_configuration_is_exported_planned_and_applied(wizchat, bot: str) -> None:
    config = await settled(wizchat.get_config(bot))
    config.spec.core = {**(config.spec.core or {}), "name": "Shop 3"}
    planned = await settled(wizchat.apply_config(bot, config, dry_run=True))
    assert planned.plan.summary.update == 1
    done = await settled(
        wizchat.apply_config(bot, config, if_match=planned.base_etag, plan_hash=planned.plan_hash, atomic=True)
    )
    assert (done.failed, done.revision) == (None, 2)
    with pytest.raises(Conflict):
        await settled(wizchat.apply_config(bot, config, if_match=planned.base_etag))
    with pytest.raises(BadRequest) as caught:
        await settled(wizchat.apply_config(bot, {"apiVersion": "v1", "kind": "ChatbotConfig", "spec": {"x": 1}}))
    assert (caught.value.status, bool(caught.value.details)) == (400, True)


async def test_revisions_are_listed_compared_and_restored(wizchat, bot: str) -> None:
    for number in range(2):
        await settled(wizchat.update_chatbot(bot, {"name": f"Shop {number}"}))
    assert [one.number for one in await collected(wizchat.revisions.iterate(bot))] == [3, 2, 1]
    assert [one.number for one in await settled(wizchat.revisions.list(bot, limit=1, before=3))] == [2]
    assert (await settled(wizchat.revisions.get(bot, 1))).config["spec"]["core"]["name"] == "Shop"
    assert (await settled(wizchat.revisions.diff(bot, 1))).plan.has_changes
    assert (await settled(wizchat.revisions.restore(bot, 1, dry_run=True))).plan.summary.update == 1
    assert (await settled(wizchat.revisions.restore(bot, 1))).failed is None
    assert (await settled(wizchat.get_chatbot(bot))).name == "Shop"
    assert (await settled(wizchat.revisions.drift(bot))).plan is not None


async def test_knowledge_scopes(wizchat, bot: str) -> None:
    scope = await settled(wizchat.scopes.create(bot, "SolidWorks 2025", systemPrompt="Only 2025."))
    assert scope.id == "solidworks-2025"
    assert (await settled(wizchat.scopes.update(bot, scope.id, {"label": "SW"}))).label == "SW"
    section = await settled(wizchat.scopes.get(bot))
    assert [one.systemPrompt for one in section.scopes] == ["Only 2025."]
    await settled(wizchat.scopes.delete(bot, scope.id))
    assert [one.id for one in (await settled(wizchat.scopes.replace(bot, {"scopes": [{"id": "a"}]}))).scopes] == ["a"]


async def test_access_protection_and_its_keys(wizchat, bot: str) -> None:
    key = await settled(wizchat.access_protection.create_key(bot, "site"))
    assert key.key.startswith(key.keyPrefix)
    await settled(wizchat.access_protection.set_jwt_secret(bot, "s" * 32))
    changed = await settled(wizchat.access_protection.update(bot, {"enabled": True}))
    assert (changed.enabled, changed.jwtConfig.hasSecret) == (True, True)
    await settled(wizchat.access_protection.revoke_key(bot, key.id))
    assert (await settled(wizchat.access_protection.get(bot))).keys[0].status == "revoked"


async def test_question_is_put_with_an_external_key(wizchat, bot: str) -> None:
    assert (await settled(wizchat.external_api.update(bot, {"enabled": True, "rateLimitPerMinute": 30}))).enabled
    key = await settled(wizchat.external_api.create_key(bot, "shop", description="the shop"))
    assert (await settled(wizchat.external_api.get(bot))).keys[0].name == "shop"
    wizchat_asking = type(wizchat)(key.key, wizchat.base_url)
    await settled(wizchat.documents.upload(bot, b"# Hours\n\nWe open at nine.", name="hours.md"))
    answer = await settled(wizchat_asking.query(bot, "When do you open?", user_id="u1", metadata={"page": "home"}))
    assert answer.response
    again = await settled(
        wizchat_asking.query(bot, "And on Sunday?", conversation_id=answer.conversationId, images=[PICTURE])
    )
    assert again.conversationId == answer.conversationId
    await settled(wizchat.external_api.revoke_key(bot, key.id))
    with pytest.raises(NotAuthenticated):
        await settled(wizchat_asking.query(bot, "When do you open?"))
    await settled(wizchat_asking.close())


async def test_access_lists_and_telemetry(wizchat, bot: str) -> None:
    lists = await settled(wizchat.access_lists.replace(bot, {"authorizedEmails": ["b@example.com", "a@example.com"]}))
    assert lists.authorizedEmails == ["a@example.com", "b@example.com"]
    assert (await settled(wizchat.access_lists.get(bot))).authorizedDomains == []
    changed = await settled(wizchat.telemetry.update(bot, {"level": "anonymized", "retentionMonths": 3}))
    assert (changed.level, changed.retentionMonths) == ("anonymized", 3)
    assert (await settled(wizchat.telemetry.get(bot))).level == "anonymized"


async def test_tool_servers(wizchat, bot: str) -> None:
    server = await settled(wizchat.mcp_servers.create(bot, "crm", **CRM))
    await settled(wizchat.mcp_servers.create(bot, "erp", **CRM))
    await settled(wizchat.mcp_servers.set_credentials(bot, server.id, {"headers": {"Authorization": "s3cret"}}))
    changed = await settled(wizchat.mcp_servers.update(bot, server.id, {"description": "Customers"}))
    assert (changed.id, changed.description) == (server.id, "Customers")
    assert [one.name for one in await settled(wizchat.mcp_servers.list(bot))] == ["crm", "erp"]
    assert [one.name for one in await collected(wizchat.mcp_servers.iterate(bot, page_size=1))] == ["crm", "erp"]
    assert (await settled(wizchat.mcp_servers.discover_tools(bot, server.id))).id == server.id
    key = await settled(wizchat.mcp_servers.rotate_access_key(bot, server.id))
    assert key.accessKey
    shown = await settled(wizchat.mcp_servers.get(bot, server.id))
    assert (shown.accessKeyHint, "s3cret" in shown.raw_response.text) == (key.accessKeyHint, False)
    with pytest.raises(ServerFailed):
        await settled(wizchat.with_options(max_retries=0).skills.import_from(bot, server.id))
    await settled(wizchat.mcp_servers.delete(bot, server.id))
    with pytest.raises(NotFound):
        await settled(wizchat.mcp_servers.get(bot, server.id))


async def test_skills(wizchat, bot: str) -> None:
    made = [await settled(wizchat.skills.create(bot, name, body="Be kind.")) for name in ("refunds", "returns")]
    assert [one.id for one in await settled(wizchat.skills.list(bot))] == [one.id for one in made]
    assert [one.id for one in await collected(wizchat.skills.iterate(bot, page_size=1))] == [one.id for one in made]
    changed = await settled(wizchat.skills.update(bot, made[0].id, {"mode": "always"}))
    assert (changed.name, changed.mode) == ("refunds", "always")
    assert (await settled(wizchat.skills.get(bot, made[0].id))).body == "Be kind."
    with pytest.raises(Conflict):
        await settled(wizchat.with_options(max_retries=0).skills.create(bot, "returns"))
    await settled(wizchat.skills.delete(bot, made[0].id))
    assert [one.name for one in await settled(wizchat.skills.list(bot))] == ["returns"]


async def test_secrets_follow_a_renamed_server(wizchat, bot: str) -> None:
    await settled(wizchat.mcp_servers.create(bot, "crm", **CRM))
    place = "mcpServers/crm/headers/Authorization"
    assert (await settled(wizchat.secrets.put(bot, {place: "one"}, dry_run=True)))[0].action == "create"
    (written,) = await settled(wizchat.secrets.put(bot, {place: "one"}))
    assert (await settled(wizchat.secrets.list(bot)))[0].fingerprint == written.fingerprint
    await settled(wizchat.rename(bot, "mcpServers", old="crm", new="customers"))
    assert (await settled(wizchat.secrets.list(bot)))[0].place == "mcpServers/customers/headers/Authorization"


async def test_documents(wizchat, bot: str) -> None:
    seen: list[tuple[int, int | None]] = []
    content = b"# Hours\n\nWe open at nine."
    document = await settled(
        wizchat.documents.upload(
            bot, content, name="faq.md", display_name="FAQ.md", on_progress=lambda *step: seen.append(step)
        )
    )
    assert (document.displayName, document.originalFileName, seen[-1]) == (
        "FAQ.md",
        "faq.md",
        (len(content), len(content)),
    )
    page = await settled(wizchat.documents.add_url(bot, "https://www.example.com/hours.html"))
    assert {one.id for one in await settled(wizchat.documents.list(bot))} == {document.id, page.id}
    assert len(await collected(wizchat.documents.iterate(bot, page_size=1))) == 2
    changed = await settled(wizchat.documents.update(bot, document.id, {"viewAccessLevel": "owner-only"}))
    assert changed.viewAccessLevel == "owner-only"
    assert (await settled(wizchat.documents.get(bot, document.id))).fileSize == len(content)
    await settled(wizchat.documents.delete(bot, document.id))
    with pytest.raises(NotFound):
        await settled(wizchat.documents.get(bot, document.id))


async def test_videos(wizchat, bot: str) -> None:
    subtitles = b"WEBVTT\n\n00:01.000 --> 00:04.000\nPress the red button.\n"
    video = await settled(wizchat.videos.upload(bot, subtitles, name="intro.vtt"))
    assert (video.platform, video.videoTitle) == ("upload", "intro")
    assert [one.id for one in await settled(wizchat.videos.list(bot))] == [video.id]
    assert [one.id for one in await collected(wizchat.videos.iterate(bot, page_size=1))] == [video.id]
    assert (
        await settled(wizchat.videos.update(bot, video.id, {"displayName": "Intro.vtt"}))
    ).displayName == "Intro.vtt"
    assert (await settled(wizchat.videos.get(bot, video.id))).source == "upload"
    with pytest.raises(ServerFailed, match="not_implemented"):
        await settled(wizchat.with_options(max_retries=0).videos.add_url(bot, "https://www.youtube.com/watch?v=x"))
    await settled(wizchat.videos.delete(bot, video.id))
    assert await settled(wizchat.videos.list(bot)) == []


async def test_deployment_and_domains(wizchat, bot: str) -> None:
    assert (await settled(wizchat.deployment.get(bot))).status == "pending"
    assert (await settled(wizchat.deployment.deploy(bot))).status in {"deploying", "deployed"}
    name = f"{bot.replace('_', '-')}.example.com"
    domain = await settled(wizchat.domains.add(bot, name))
    assert (domain.domain, domain.status) == (name, "pending_manual")
    assert [one.domain for one in await settled(wizchat.domains.list(bot))] == [name]
    assert [one.domain for one in await collected(wizchat.domains.iterate(bot, page_size=1))] == [name]
    assert (await settled(wizchat.domains.get(bot, name))).verification
    assert not (await settled(wizchat.domains.verify(bot, name))).verified
    await settled(wizchat.domains.remove(bot, name))
    assert await settled(wizchat.domains.list(bot)) == []


async def test_analytics_and_quota(wizchat, bot: str) -> None:
    costs = await settled(wizchat.analytics.costs(bot, days=7))
    assert (costs.totalCost, costs.days, costs.currency) == (0, 7, "USD")
    assert (await settled(wizchat.analytics.usage(bot))).queryCount == 0
    usage = await settled(wizchat.usage())
    assert (usage.period, usage.limit) == ("day", -1)
    assert (await settled(wizchat.openapi()))["openapi"].startswith("3.1")


async def test_oauth_client_gets_a_token_that_is_used_as_a_key(wizchat, bot: str, demo_server: DemoServer) -> None:  # noqa: F811
    with pytest.raises(NotPermitted):
        await settled(wizchat.oauth_clients.create("ci", ["chatbots:read"]))
    wizchat_owner = type(wizchat)(demo_server.environment["WISEBOT_ACCESS_TOKEN"], wizchat.base_url)
    made = await settled(wizchat_owner.oauth_clients.create("ci", ["chatbots:read"], allowed_chatbot_ids=[bot]))
    token = await settled(wizchat.fetch_token(made.clientId, made.clientSecret, scope="chatbots:read"))
    wizchat_program = type(wizchat)(token.access_token, wizchat.base_url)
    assert [one.id for one in await settled(wizchat_program.list_chatbots())] == [bot]
    with pytest.raises(NotPermitted) as caught:
        await settled(wizchat_program.skills.list(bot))
    assert caught.value.code == "insufficient_scope"
    assert made.clientId in {one.clientId for one in await settled(wizchat_owner.oauth_clients.list())}
    assert made.clientId in {one.clientId for one in await collected(wizchat_owner.oauth_clients.iterate(page_size=1))}
    assert (await settled(wizchat_owner.oauth_clients.get(made.clientId))).status == "active"
    await settled(wizchat_owner.oauth_clients.delete(made.clientId))
    with pytest.raises(NotAuthenticated):
        await settled(wizchat_program.list_chatbots())
    for client in (wizchat_owner, wizchat_program):
        await settled(client.close())


async def test_answer_is_there_as_it_came(wizchat, bot: str) -> None:
    raw = await settled(wizchat.request("GET", f"/api/v1/chatbots/{bot}", headers={"request-id": "mine"}))
    assert (raw.status, raw.request_id, json.loads(raw.content)["chatbot"]["id"]) == (200, "mine", bot)
