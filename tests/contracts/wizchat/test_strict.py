"""What cannot be used is refused with 400 and the place, in the contract's envelope; never 422, never a redirect."""

from dataclasses import replace
from typing import Any

import anyio
import pytest

from tests.contracts.wizchat.conftest import Service

pytestmark = pytest.mark.server


def document(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ChatbotConfig", "spec": spec}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({**document(), "dryRun": True}, "dryRun"),
        ({**document(), "_omittedSections": []}, "_omittedSections"),
        ({**document(), "kind": "Other"}, "kind"),
        ({"apiVersion": "v1", "kind": "ChatbotConfig"}, "spec"),
        ({**document(), "prune": "no"}, "prune"),
        (document(unknown=[]), "spec.unknown"),
        (document(skills=[{"name": "a", "text": "b"}]), "spec.skills.0.text"),
        (document(skills=[{"name": "a", "enabled": 1}]), "spec.skills.0.enabled"),
        (document(externalApi={"rateLimitPerMinute": 0}), "spec.externalApi.rateLimitPerMinute"),
        (document(skills=[{"body": "b"}]), "spec.skills[0].name"),
        (document(skills=[{"name": ""}]), "spec.skills[0].name"),
        (document(skills=[{"name": "a"}, {"name": "a"}]), "spec.skills[1].name"),
        (document(domains=[{"domain": "a.io"}, {"domain": "https://A.io/"}]), "spec.domains[1].domain"),
        (document(telemetry={"retentionMonths": 25}), "spec.telemetry.retentionMonths"),
        (document(core={"aiConfig": {"temperature": "hot"}}), "spec.core.aiConfig"),
        (document(core={"name": None}), "spec.core.name"),
        (document(core={"behavior": {"systemPrompt": "a", "prompt": "b"}}), "spec.core.behavior"),
        (document(core={"x-protect": ["what/ever"]}), "spec.core.x-protect"),
        (document(core={"x-a": [{"b": "nul\0"}]}), "spec.core"),
    ],
)
def test_apply_names_the_place(service: Service, bot: str, body: dict[str, Any], place: str) -> None:
    for query in ({}, {"dryRun": "true"}):
        answer = service.http().post(f"/chatbots/{bot}/apply", json=body, params=query)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (400, "bad_request"), answer.text
        details = error["details"]
        assert details.get("path") == place or [one["field"] for one in details["errors"]] == [place]
        assert set(error) == {"code", "message", "details"}


@pytest.mark.parametrize("query", ["dryrun=true", "dry_run=true", "dryRun=yes", "dryRun=1", "dryRun=true&dryRun=false"])
def test_misspelt_queries_write_nothing(service: Service, bot: str, query: str) -> None:
    answer = service.http().post(f"/chatbots/{bot}/apply?{query}", json=document(core={"name": "No"}))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    assert service.client().get_chatbot(bot).name == "Acme"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/chatbots", b"{", 400),
        ("POST", "/chatbots", b'{"name": "a", "name": "b"}', 400),
        ("POST", "/chatbots", b"[]", 400),
        ("POST", "/chatbots", b'{"name": NaN}', 400),
        ("POST", "/chatbots", b'{"description": "no name"}', 400),
        ("GET", "/chatbots/", b"", 404),
        ("GET", "/chatbots/none", b"", 404),
        ("PUT", "/chatbots", b"{}", 405),
        ("GET", "/usage?x=1", b"", 400),
        ("GET", "/chatbots?cursor=nothing", b"", 400),
        ("GET", "/chatbots?limit=0", b"", 400),
        ("GET", "/nowhere", b"", 404),
    ],
)
def test_every_failure_has_the_envelope(service: Service, method: str, path: str, body: bytes, status: int) -> None:
    headers = {"Content-Type": "application/json"}
    answer = service.http().request(method, path, content=body, headers=headers)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert isinstance(error["code"], str)
    assert isinstance(error["message"], str)
    assert set(error) <= {"code", "message", "details"}


def test_lists_are_whole_unless_a_page_is_asked_for(service: Service) -> None:
    made = [service.new_chatbot(name=f"Bot {number}") for number in range(3)]
    http = service.http()
    assert [one["id"] for one in http.get("/chatbots").json()["chatbots"]] == made
    first = http.get("/chatbots?limit=2").json()
    assert [one["id"] for one in first["chatbots"]] == made[:2]
    rest = http.get("/chatbots", params={"limit": 2, "cursor": first["nextCursor"]}).json()
    assert [one["id"] for one in rest["chatbots"]] == made[2:]
    assert "nextCursor" not in rest


def test_a_post_sent_again_is_answered_again(service: Service, bot: str) -> None:
    http, headers = service.http(), {"Idempotency-Key": "k1"}
    first = http.post("/chatbots", json={"name": "Once"}, headers=headers)
    again = http.post("/chatbots", json={"name": "Once"}, headers=headers)
    assert (again.status_code, again.content) == (201, first.content)
    wish = document(core={"name": "Real"})
    assert http.post(f"/chatbots/{bot}/apply?dryRun=true", json=wish, headers=headers).json()["dryRun"]
    assert not http.post(f"/chatbots/{bot}/apply", json=wish, headers=headers).json()["dryRun"]


def test_a_secret_that_is_shown_once_is_not_kept(service: Service, bot: str) -> None:
    http, headers, path = service.http(), {"Idempotency-Key": "k2"}, f"/chatbots/{bot}/external-api/keys"
    keys = [http.post(path, json={"name": "ci"}, headers=headers).json()["key"] for _ in range(2)]

    def kept(tx: Any) -> list[str]:
        return [one.body for one in tx.once_requests.find("idempotency", limit=1000)]

    async def look() -> list[str]:
        return await service.platform.store.read(kept)

    stored = "".join(str(body) for body in anyio.run(look))
    assert not any(key in stored for key in keys)


def test_rate_limits_are_told_and_kept(service: Service) -> None:
    http = service.http(service.new_key(rate_limit_per_min=3))
    answers = [http.get("/chatbots") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[3].json()["error"]["code"] == "rate_limited"
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 60


def test_daily_quota_ends_with_429_and_a_time(service: Service) -> None:
    def limit(tx: Any) -> None:
        organization = tx.organizations.get(service.organization_id, service.organization_id)
        tx.organizations.put(replace(organization, settings={"daily_calls_max": 2, "tier": "starter"}))

    http = service.http()
    assert http.get("/usage").json() | {"resetsAt": ""} == {
        "period": "day",
        "used": 0,
        "limit": -1,
        "remaining": None,
        "resetsAt": "",
        "plan": "self-hosted",
    }

    async def set_limit() -> None:
        await service.platform.store.write(limit)

    anyio.run(set_limit)
    usage = http.get("/usage").json()
    assert (usage["used"], usage["limit"], usage["remaining"], usage["plan"]) == (1, 2, 1, "starter")
    assert http.get("/chatbots").status_code == 200
    refused = http.get("/chatbots")
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "quota_exceeded")
    assert 0 < int(refused.headers["Retry-After"]) <= 86_401
    assert refused.headers["RateLimit-Remaining"] == "0"
