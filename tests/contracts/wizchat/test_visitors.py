"""Who may talk with a chatbot: its keys and tokens for visitors, its lists, its sites."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import anyio
import httpx2
import pytest

from tests.contracts.wizchat.conftest import Service

pytestmark = pytest.mark.server
SECRET = "0123456789abcdef0123456789abcdef"


def signed(secret: str = SECRET, *, header: Any = None, **claims: Any) -> str:
    parts = [header or {"alg": "HS256", "typ": "JWT"}, {"exp": time.time() + 60, **claims}]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    mark = hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(mark).decode().rstrip('=')}"


class Chat:
    """Visitors of a chatbot, let in by the organization's own key."""

    def __init__(self, service: Service, bot: str, organization_id: str | None = None) -> None:
        async def make() -> str:
            access = service.platform.access
            return (await access.create_key(organization_id or service.organization_id, kind="wisebot"))[1]

        self.bot = bot
        self.api = httpx2.Client(
            base_url=service.url, headers={"Authorization": f"Bearer {anyio.run(make)}"}, timeout=30
        )
        service.clients.append(self.api)

    def open(self, visitor: str = "v1", **proof: Any) -> httpx2.Response:
        body = {"externalUserId": visitor, "agentId": self.bot, **proof}
        return self.api.post("/api/v1/chat/sessions", json=body)

    def refusal(self, visitor: str = "v1", **proof: Any) -> str:
        answer = self.open(visitor, **proof)
        assert answer.status_code == 403, answer.text
        return str(answer.json()["code"])

    def say(self, session: Any, **headers: str) -> httpx2.Response:
        pair = {"threadId": session["threadId"], "contactSessionId": session["contactSessionId"]}
        return self.api.post("/api/chat/agent", json={**pair, "prompt": "Hello"}, headers=headers)


@pytest.fixture
def chat(service: Service, bot: str) -> Chat:
    return Chat(service, bot)


def protect(service: Service, bot: str, **config: Any) -> None:
    answer = service.http().patch(f"/chatbots/{bot}/access-protection", json={"enabled": True, **config})
    assert answer.status_code == 200, answer.text


def test_the_gate_opens_for_keys_of_the_chatbot_until_they_are_revoked(service: Service, bot: str, chat: Chat) -> None:
    before = chat.open("early").json()
    protect(service, bot)
    http, path = service.http(), f"/chatbots/{bot}/access-protection/keys"
    made = http.post(path, json={"label": "Partners"}).json()
    other = http.post(f"/chatbots/{service.new_chatbot(name='Other')}/access-protection/keys", json={"label": "x"})
    assert chat.refusal() == "gate_closed"
    assert chat.refusal(appKey=other.json()["key"]) == "visitor_refused"
    assert chat.refusal(appKey="wak_live_unknown") == "visitor_refused"
    assert chat.say(before).status_code == 403
    opened = chat.open(appKey=made["key"])
    assert opened.status_code == 200, opened.text
    assert chat.say(opened.json()).status_code == 200
    assert http.delete(f"{path}/{made['id']}").status_code == 204
    assert chat.say(opened.json()).json()["code"] == "gate_closed"
    assert chat.refusal(appKey=made["key"]) == "visitor_refused"


def test_the_gate_opens_for_tokens_that_the_owner_has_signed(service: Service, bot: str, chat: Chat) -> None:
    protect(service, bot, jwtConfig={"enabled": True, "emailClaim": "mail"})
    assert chat.refusal(token=signed()) == "visitor_refused"
    service.http().put(f"/chatbots/{bot}/access-protection/jwt-secret", json={"secret": SECRET})
    opened = chat.open(token=signed(mail="Ann@Example.com"))
    assert opened.status_code == 200, opened.text
    for bad in (
        signed("another-secret-of-enough-length", mail="ann@example.com"),
        signed(exp=time.time() - 1),
        signed(nbf=time.time() + 60),
        signed(exp="soon"),
        signed(exp=10**400),
        signed(header={"alg": "none"}),
        signed(header={"alg": "HS512"}),
        signed().rpartition(".")[0] + ".",
        "a.b.c",
        "x",
    ):
        assert chat.refusal("v2", token=bad) == "visitor_refused"
    protect(service, bot, jwtConfig={"enabled": False})
    assert chat.say(opened.json()).status_code == 403


def test_lists_let_in_whom_they_name(service: Service, bot: str, chat: Chat) -> None:
    assert chat.open("free").status_code == 200
    lists = {"authorizedEmails": ["Ann@Example.com "], "authorizedDomains": ["@partner.example"]}
    shown = service.http().put(f"/chatbots/{bot}/access-lists", json=lists).json()
    assert (shown["authorizedEmails"], shown["authorizedDomains"]) == (["ann@example.com"], ["partner.example"])
    assert chat.refusal() == "sign_in_required"
    assert chat.refusal(email="eve@example.com") == "not_on_the_list"
    assert chat.refusal("v3", email="eve@evil-partner.example") == "not_on_the_list"
    assert chat.open("ann", email="ANN@example.com").status_code == 200
    opened = chat.open("bob", email="bob@partner.example").json()
    assert chat.say(opened).status_code == 200
    service.http().put(f"/chatbots/{bot}/access-lists", json={"authorizedEmails": ["ann@example.com"]})
    assert chat.say(opened).json()["code"] == "not_on_the_list"


def test_a_chatbot_that_requires_auth_wants_to_know_who_asks(service: Service, bot: str, chat: Chat) -> None:
    service.http().patch(f"/chatbots/{bot}", json={"requireAuth": True})
    assert chat.refusal() == "sign_in_required"
    assert chat.refusal(email="no address") == "sign_in_required"
    assert chat.open(email="ann@example.com").status_code == 200


def test_programs_ask_for_people_on_the_lists_only(service: Service, bot: str) -> None:
    http = service.http()
    http.patch(f"/chatbots/{bot}/external-api", json={"enabled": True})
    key = http.post(f"/chatbots/{bot}/external-api/keys", json={"name": "ci"}).json()["key"]
    http.put(f"/chatbots/{bot}/access-lists", json={"authorizedDomains": ["example.com"]})
    url, headers = f"{service.url}/v1/chatbots/{bot}/query", {"Authorization": f"Bearer {key}"}

    def ask(**body: Any) -> httpx2.Response:
        return httpx2.post(url, json={"message": "Hi", **body}, headers=headers, timeout=60)

    for refused in ({}, {"userId": "user-42"}, {"userId": "ann@other.example"}):
        answer = ask(**refused)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "FORBIDDEN"), answer.text
    assert ask(userId="ann@example.com").status_code == 200


def test_a_chatbot_is_embedded_in_its_own_sites_only(service: Service, bot: str, chat: Chat) -> None:
    sites = {"allowedEmbedDomains": ["https://Shop.Example.com/", "*.intra.example", "localhost:3000"]}
    shown = service.http().put(f"/chatbots/{bot}/access-lists", json=sites).json()
    assert shown["allowedEmbedDomains"] == ["*.intra.example", "localhost:3000", "shop.example.com"]
    session, other = chat.open().json(), Chat(service, service.new_chatbot(name="Other")).open("v9").json()
    del chat.api.headers["Authorization"]
    # What sites there are is kept for five seconds.
    service.platform.management.gate._sites_at = None
    for origin, status in (
        ("https://shop.example.com", 200),
        ("https://a.intra.example:8443", 200),
        ("http://localhost:3000", 200),
        ("http://localhost:3001", 401),
        ("https://example.com", 401),
        ("https://shop.example.com.evil.example", 401),
        ("null", 401),
    ):
        answer = chat.say(session, origin=origin)
        assert (origin, answer.status_code) == (origin, status), answer.text
        assert answer.headers.get("access-control-allow-origin") == (origin if status == 200 else None)
        preflight = chat.api.options("/api/chat/agent", headers={"origin": origin})
        assert (preflight.status_code == 204) == (status == 200)
    assert chat.say(other, origin="https://shop.example.com").status_code == 401


@pytest.mark.parametrize(
    "lists",
    [
        {"authorizedEmails": ["ann"]},
        {"authorizedEmails": ["a b@example.com"]},
        {"authorizedDomains": ["example"]},
        {"authorizedDomains": ["ann@example.com"]},
        {"allowedEmbedDomains": ["*.com"]},
        {"allowedEmbedDomains": ["example.com:99999"]},
        {"allowedEmbedDomains": ["java script:x"]},
    ],
)
def test_what_is_no_address_or_site_is_refused(service: Service, bot: str, lists: Any) -> None:
    answer = service.http().put(f"/chatbots/{bot}/access-lists", json=lists)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request"), answer.text


def test_keys_and_lists_of_another_organization_open_nothing(service: Service, bot: str, chat: Chat) -> None:
    protect(service, bot)
    foreign = service.new_organization()
    theirs = service.http(service.new_key(organization_id=foreign))
    their_bot = theirs.post("/chatbots", json={"name": "Theirs"}).json()["chatbot"]["id"]
    their_key = theirs.post(f"/chatbots/{their_bot}/access-protection/keys", json={"label": "x"}).json()["key"]
    assert chat.refusal(appKey=their_key) == "visitor_refused"
    assert Chat(service, bot, foreign).open().status_code == 404


def test_what_was_exported_applies_without_a_change(service: Service, bot: str) -> None:
    sites = {
        "allowedEmbedDomains": ["https://Shop.Example.com/", "*.Intra.example"],
        "authorizedDomains": ["@x.example"],
    }
    http = service.http()
    http.put(f"/chatbots/{bot}/access-lists", json=sites)
    document = http.get(f"/chatbots/{bot}/config").json()
    del document["_omittedSections"]
    plan = http.post(f"/chatbots/{bot}/apply?dryRun=true", json=document).json()["plan"]
    assert plan["summary"]["update"] == 0
