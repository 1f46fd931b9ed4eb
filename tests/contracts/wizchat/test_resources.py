"""Management resources over a real server: their states, scopes and secrets; answers fit the published models."""

import json
import secrets
from typing import Any

import pytest
from pydantic import BaseModel
from wizchat_management import models

from tests.contracts.wizchat.conftest import Service
from trivium.core.model.access import SCOPES

pytestmark = pytest.mark.server


def fits(model: type[BaseModel], value: Any) -> Any:
    """Return the value, which the published model accepts."""
    model.model_validate_json(json.dumps(value))
    return value


def test_chatbots_are_made_changed_and_deleted(service: Service) -> None:
    http = service.http()
    made = http.post("/chatbots", json={"name": "A", "dataRegion": "EU", "aiConfig": {"model": "scripted/x"}}).json()
    bot = fits(models.PublicChatbot, made["chatbot"])
    assert bot["aiConfig"] == {"model": "scripted/x"}
    changed = http.patch(f"/chatbots/{bot['id']}", json={"description": "B"}).json()["chatbot"]
    assert (changed["name"], changed["description"], changed["aiConfig"]) == ("A", "B", {"model": "scripted/x"})
    assert http.patch(f"/chatbots/{bot['id']}", json={"createdAt": "now"}).status_code == 400
    assert http.delete(f"/chatbots/{bot['id']}").status_code == 204
    assert http.get(f"/chatbots/{bot['id']}").status_code == 404


def test_access_protection_and_its_keys(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/access-protection"
    made = http.post(f"{path}/keys", json={"label": "site"})
    key = made.json()["key"]
    assert made.status_code == 201
    assert key.startswith(made.json()["keyPrefix"])
    assert http.put(f"{path}/jwt-secret", json={"secret": "s" * 32}).status_code == 204
    changed = http.patch(path, json={"enabled": True, "jwtConfig": {"enabled": True, "emailClaim": "mail"}})
    gate = fits(models.PublicAccessProtectionConfig, changed.json())
    assert gate["jwtConfig"] == {"enabled": True, "algorithm": "HS256", "emailClaim": "mail", "hasSecret": True}
    assert http.delete(f"{path}/keys/{made.json()['id']}").status_code == 204
    shown = http.get(path)
    assert shown.json()["keys"][0]["status"] == "revoked"
    assert key not in shown.text
    assert "s" * 32 not in http.get(f"/chatbots/{bot}/config").text
    assert service.client().get_config(bot).spec.accessProtection.jwtConfig.hasSecret  # type: ignore[union-attr]


def test_external_api_lists_and_telemetry(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}"
    key = http.post(f"{path}/external-api/keys", json={"name": "ci", "description": "for tests"}).json()
    assert key["metadata"] == {"description": "for tests"}
    external = http.patch(f"{path}/external-api", json={"enabled": True, "rateLimitPerMinute": 30}).json()
    fits(models.PublicExternalApiConfig, external)
    assert (external["rateLimitPerMinute"], len(external["keys"])) == (30, 1)
    lists = http.put(f"{path}/access-lists", json={"authorizedEmails": ["B@x.io", "a@x.io", "b@x.io"]}).json()
    assert fits(models.PublicAccessLists, lists)["authorizedEmails"] == ["a@x.io", "b@x.io"]
    http.put(f"{path}/access-lists", json={"allowedEmbedDomains": ["x.io"]})
    assert http.get(f"{path}/access-lists").json()["authorizedEmails"] == []
    telemetry = http.patch(f"{path}/telemetry", json={"level": "anonymized", "retentionMonths": 3}).json()
    assert len(fits(models.PublicTelemetry, telemetry)) == 4
    bot_now = fits(models.PublicChatbot, http.get(path).json()["chatbot"])
    assert bot_now["embedConfig"] == {"allowedDomains": ["x.io"]}


def test_mcp_servers_keep_credentials_through_everything(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/mcp-servers"
    made = http.post(path, json={"name": "crm", "url": "https://crm.example/mcp", "transport": "http"})
    server = fits(models.PublicMcpServer, made.json()["mcpServer"])
    secret = secrets.token_hex(12)
    assert server["id"].startswith("mcp_")
    put = http.put(f"{path}/{server['id']}/credentials", json={"headers": {"Authorization": secret}})
    assert put.status_code == 204
    assert http.put(f"{path}/{server['id']}/credentials", json={"command": "sh"}).status_code == 400
    before = http.get(f"/chatbots/{bot}/secrets").json()["secrets"]
    assert before[0]["place"] == "mcpServers/crm/headers/Authorization"
    renamed = http.patch(f"{path}/{server['id']}", json={"name": "crm 2", "description": "x"}).json()["mcpServer"]
    assert (renamed["id"], renamed["name"], renamed["description"]) == (server["id"], "crm 2", "x")
    service.client().apply_config(bot, service.client().get_config(bot))
    after = http.get(f"/chatbots/{bot}/secrets").json()["secrets"]
    assert after[0]["fingerprint"] == before[0]["fingerprint"]
    for text in (http.get(path).text, http.get(f"/chatbots/{bot}/config").text, http.get(f"/chatbots/{bot}").text):
        assert secret not in text
    key = http.post(f"{path}/{server['id']}/access-key")
    assert key.status_code == 201
    assert http.delete(f"{path}/{server['id']}").status_code == 204
    assert http.get(f"/chatbots/{bot}/secrets").json()["secrets"] == []


def test_skills_are_resources_too(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/skills"
    server = http.post(f"/chatbots/{bot}/mcp-servers", json={"name": "crm"}).json()["mcpServer"]
    body = {"name": "refunds", "body": "Be kind.", "mode": "always", "linkedServerIds": [server["id"]]}
    skill = fits(models.PublicSkill, http.post(path, json=body).json()["skill"])
    assert skill["linkedServerIds"] == [server["id"]]
    assert http.post(path, json=body).status_code == 409
    assert service.client().get_config(bot).spec.skills[0].linkedServerIds == ["crm"]  # type: ignore[index]
    assert http.delete(f"/chatbots/{bot}/mcp-servers/{server['id']}").status_code == 409
    changed = http.patch(f"{path}/{skill['id']}", json={"name": "returns"}).json()["skill"]
    assert (changed["id"], changed["name"], changed["body"]) == (skill["id"], "returns", "Be kind.")
    assert http.delete(f"{path}/{skill['id']}").status_code == 204
    assert http.get(path).json() == {"skills": []}


def test_scopes_have_permanent_ids(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/scopes"
    made = http.post(path, json={"label": "SolidWorks 2025", "systemPrompt": "Only 2025."})
    assert made.status_code == 201
    assert fits(models.PublicScope, made.json()["scope"])["id"] == "solidworks-2025"
    assert http.patch(f"{path}/solidworks-2025", json={"id": "other"}).status_code == 400
    changed = http.patch(f"{path}/solidworks-2025", json={"label": "SW"}).json()["scope"]
    assert (changed["label"], changed["systemPrompt"]) == ("SW", "Only 2025.")
    assert fits(models.Scopes, http.get(path).json())["scopes"][0]["label"] == "SW"
    assert http.delete(f"{path}/solidworks-2025").status_code == 204
    assert http.put(path, json={"scopes": [{"id": "a"}]}).json()["scopes"][0]["label"] == "a"


def test_documents_belong_to_a_scope(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/documents"
    http.post(f"/chatbots/{bot}/scopes", json={"id": "a"})
    made = http.post(path, files={"file": ("faq.md", b"# Hours\n\nWe open at nine.")}, data={"scopeId": "a"})
    assert made.status_code == 201, made.text
    document = fits(models.PublicDocument, made.json()["document"])
    assert (document["scopeId"], document["documentType"], document["chatbotId"]) == ("a", "md", bot)
    assert http.delete(f"/chatbots/{bot}/scopes/a").status_code == 409
    changed = http.patch(f"{path}/{document['id']}", json={"displayName": "Hours.md", "viewAccessLevel": "owner-only"})
    assert changed.json()["document"]["viewAccessLevel"] == "owner-only"
    assert changed.json()["document"]["originalFileName"] == "faq.md"
    assert [one["id"] for one in http.get(path).json()["documents"]] == [document["id"]]
    assert http.get(f"/chatbots/{bot}/videos").json() == {"videos": []}
    assert http.delete(f"{path}/{document['id']}").status_code == 204
    assert http.post(path, files={"file": ("a.md", b"x")}, data={"scopeId": "none"}).status_code == 400


def test_videos_are_uploaded_not_fetched(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/videos"
    subtitles = b"WEBVTT\n\n00:01.000 --> 00:04.000\nPress the red button.\n"
    made = http.post(path, files={"file": ("intro.vtt", subtitles)})
    video = fits(models.PublicVideo, made.json()["video"])
    assert (video["platform"], video["videoTitle"]) == ("upload", "intro")
    refused = http.post(path, json={"url": "https://www.youtube.com/watch?v=x"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (501, "not_implemented")


def test_deployment_and_domains(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}"
    assert fits(models.PublicDeployment, http.get(f"{path}/deployment").json())["status"] == "pending"
    deployed = http.post(f"{path}/deploy")
    assert (deployed.status_code, deployed.json()["status"]) == (202, "deployed")
    made = http.post(f"{path}/domains", json={"domain": "HTTPS://Chat.Example.com"})
    domain = fits(models.PublicDomainStatus, made.json())
    assert (domain["domain"], domain["status"]) == ("chat.example.com", "pending_manual")
    assert domain["verification"][0]["type"] == "TXT"
    assert http.post(f"{path}/domains", json={"domain": "chat.example.com"}).status_code == 409
    assert http.get(f"{path}/deployment").json()["customDomain"] == "chat.example.com"
    assert http.delete(f"{path}/domains/chat.example.com").status_code == 204
    assert http.get(f"{path}/domains").json() == {"domains": []}


def test_analytics_of_a_chatbot_nobody_asked(service: Service, bot: str) -> None:
    http, path = service.http(), f"/chatbots/{bot}/analytics"
    costs = fits(models.PublicCostAnalytics, http.get(f"{path}/costs", params={"days": 7}).json())
    assert (costs["totalCost"], costs["days"], costs["dailyTrend"]) == (0, 7, [])
    usage = fits(models.PublicUsageAnalytics, http.get(f"{path}/usage").json())
    assert (usage["queryCount"], usage["days"]) == (0, 30)


def test_oauth_clients_get_tokens_in_both_forms(service: Service, bot: str) -> None:
    owner = service.http(service.token())
    assert service.http().post("/oauth/clients", json={"name": "x", "scopes": []}).status_code == 403
    body = {"name": "ci", "scopes": ["chatbots:read", "skills:read"], "allowedChatbotIds": [bot]}
    made = fits(models.OAuthClientCreated, owner.post("/oauth/clients", json=body).json())
    grant = {
        "grant_type": "client_credentials",
        "client_id": made["clientId"],
        "client_secret": made["clientSecret"],
        "scope": "chatbots:read",
    }
    anyone = service.http("none")
    as_json = fits(models.OAuthTokenResponse, anyone.post("/oauth/token", json=grant).json())
    as_form = anyone.post(f"{service.url}/oauth/token", data=grant).json()
    assert as_json["scope"] == as_form["scope"] == "chatbots:read"
    client = service.client(as_json["access_token"])
    assert client.get_chatbot(bot).id == bot
    assert service.http(as_form["access_token"]).get(f"/chatbots/{bot}/skills").status_code == 403
    wrong = {**grant, "client_secret": "no"}
    assert anyone.post("/oauth/token", json=wrong).json()["error"]["code"] == "unauthorized"
    plain = anyone.post(f"{service.url}/oauth/token", data=wrong)
    assert (plain.status_code, plain.json()["error"]) == (401, "invalid_client")
    beyond = anyone.post(f"{service.url}/oauth/token", data={**grant, "scope": "chatbots:write"})
    assert (beyond.status_code, beyond.json()["error"]) == (400, "invalid_scope")
    assert "chatbots:write" in beyond.json()["error_description"]
    assert made["clientSecret"] not in owner.get("/oauth/clients").text
    assert owner.delete(f"/oauth/clients/{made['clientId']}").status_code == 204
    assert service.http(as_json["access_token"]).get("/chatbots").status_code == 401


def test_description_names_the_published_components(service: Service) -> None:
    described = service.http("none").get("/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    components = described["components"]["schemas"]
    # Names that a generator gives to inline objects are its own.
    inline = {"Closed", "Status", "Key", "Error1", "Scopes", "AccessProtection1", "ExternalApi", "Domain", "Metadata"}
    published = {
        name: model
        for name, model in vars(models).items()
        if isinstance(model, type) and issubclass(model, BaseModel) and name not in inline | {"BaseModel"}
        if not name[-1].isdigit()
    }
    assert set(published) <= set(components)
    for name, model in published.items():
        fields = {field.alias or key for key, field in model.model_fields.items()}
        assert set(components[name]["properties"]) == fields, name
    assert components["ManagementApiScope"]["enum"] == [scope.value for scope in models.ManagementApiScope]


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/access-lists", "security:read"),
        ("PUT", "/access-lists", "security:write"),
        ("PATCH", "/telemetry", "security:write"),
        ("POST", "/external-api/keys", "security:write"),
        ("GET", "/mcp-servers", "mcp:read"),
        ("POST", "/mcp-servers", "mcp:write"),
        ("POST", "/skills", "skills:write"),
        ("GET", "/documents", "documents:read"),
        ("POST", "/videos", "videos:write"),
        ("POST", "/deploy", "deploy"),
        ("POST", "/domains", "domains:write"),
        ("GET", "/analytics/costs", "analytics:read"),
        ("PUT", "/scopes", "chatbots:write"),
        ("DELETE", "", "chatbots:write"),
    ],
)
def test_every_resource_needs_its_scope(service: Service, bot: str, method: str, path: str, scope: str) -> None:
    ours = scope.replace("chatbots", "agents")
    http = service.http(service.new_key(*sorted(SCOPES - {ours})))
    answer = http.request(method, f"/chatbots/{bot}{path}", json={} if method != "GET" else None)
    assert answer.status_code == 403, answer.text
    assert answer.json()["error"]["details"] == {"requiredScope": scope}
    assert answer.json()["error"]["message"] == f"Key lacks required scope: {scope}"
