"""Signing in a machine over HTTP: codes, polls, approval by API and by the page, keys and their end."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.contracts.site import Site, open_site
from tests.contracts.wisebot.office import PASSWORD, Office, error_of
from trivium.adapters.clock import SystemClock
from trivium.contracts.wisebot.routes_device import GRANT


class MovedClock(SystemClock):
    """The real clock, some way ahead."""

    ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self.ahead


class Machine:
    """A program that asks to be signed in."""

    def __init__(self, site: Site, **fields: str) -> None:
        self.site = site
        body = {"client_id": "trivium", "device_name": "ann@laptop", **fields}
        answer = httpx2.post(f"{site.url}/api/auth/device", data=body)
        assert answer.status_code == 200, answer.text
        assert answer.headers["cache-control"] == "no-store"
        self.asked: Any = answer.json()

    def poll(self) -> httpx2.Response:
        fields = {"grant_type": GRANT, "device_code": self.asked["device_code"], "client_id": "trivium"}
        return httpx2.post(f"{self.site.url}/api/auth/device/token", data=fields)

    def refusal(self) -> str:
        answer = self.poll()
        assert (answer.status_code, set(answer.json())) == (400, {"error", "error_description"}), answer.text
        return str(answer.json()["error"])

    def key(self) -> str:
        answer = self.poll()
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Site, MovedClock]]:
    clock = MovedClock()
    monkeypatch.setattr("trivium.server.SystemClock", lambda: clock)
    with open_site(tmp_path) as site:
        yield site, clock


def approve(office: Office, machine: Machine, *, answer: bool = True) -> httpx2.Response:
    return office.people.post(f"/api/v1/device/{machine.asked['user_code']}", json={"approve": answer})


def test_one_key_is_good_for_all_three_contracts(office: Office) -> None:
    machine = Machine(office.site)
    assert machine.refusal() == "authorization_pending"
    shown = office.people.get(f"/api/v1/device/{machine.asked['user_code'].lower()}").json()
    assert (shown["program"], shown["device"], shown["status"]) == ("trivium", "ann@laptop", "pending")
    assert approve(office, machine).json()["status"] == "approved"
    key = machine.key()
    with office.site.client(Authorization=f"Bearer {key}") as client:
        assert client.get("/api/v1/status").json()["organization"]["id"] == office.organization_id
        assert client.get("/api/v1/api-keys").status_code == 200
        assert [one["id"] for one in client.get("/api/v1/chatbots").json()["chatbots"]] == [office.agent.id]
        assert client.get("/core/v1/sessions").status_code == 200


def test_the_other_organization_sees_and_ends_nothing(make_office: Callable[..., Office]) -> None:
    mine, theirs = make_office(), make_office()
    machine = Machine(mine.site)
    approve(mine, machine)
    key = machine.key()
    (listed,) = mine.people.get("/api/v1/api-keys?kind=device").json()["keys"]
    assert (listed["name"], listed["kind"], listed["role"]) == ("ann@laptop", "device", "owner")
    assert key not in mine.people.get("/api/v1/api-keys?kind=all").text
    assert theirs.people.get("/api/v1/api-keys?kind=all").json()["keys"] != []
    assert theirs.people.get("/api/v1/api-keys?kind=device").json() == {"keys": []}
    error_of(theirs.people.delete(f"/api/v1/api-keys/{listed['id']}"), 404)
    with mine.site.client(Authorization=f"Bearer {key}") as client:
        assert client.get("/api/v1/me").json()["organization"]["id"] == mine.organization_id
        assert mine.people.delete(f"/api/v1/api-keys/{listed['id']}").status_code == 204
        error_of(client.get("/api/v1/me"), 401)


def test_members_end_their_own_machines_only(office: Office) -> None:
    machine = Machine(office.site)
    approve(office, machine)
    machine.key()
    (owners,) = office.people.get("/api/v1/api-keys?kind=device").json()["keys"]
    member, own = office.member(), Machine(office.site)
    member.post(f"/api/v1/device/{own.asked['user_code']}", json={"approve": True})
    own.key()
    error_of(member.delete(f"/api/v1/api-keys/{owners['id']}"), 403)
    (other,) = [one for one in member.get("/api/v1/api-keys?kind=device").json()["keys"] if one["role"] == "member"]
    assert member.delete(f"/api/v1/api-keys/{other['id']}").status_code == 204
    member.close()


def test_login_with_a_password_can_give_a_key_that_lasts(office: Office) -> None:
    body = {"email": office.email, "password": PASSWORD, "device": "ci"}
    given = httpx2.post(f"{office.site.url}/api/auth/login", json=body).json()
    with office.site.client(Authorization=f"Bearer {given['token']}") as client:
        me = client.get("/api/v1/me").json()
        assert (me["kind"], me["device"], me["email"], me["keyId"]) == ("device", "ci", office.email, given["keyId"])
        assert client.post("/api/auth/logout").json() == {"revoked": True}
        error_of(client.get("/api/v1/status"), 401)
    assert office.people.post("/api/auth/logout").json() == {"revoked": False}
    assert office.people.get("/api/v1/me").json()["kind"] == "token"
    assert office.api.get("/api/v1/me").json()["kind"] == "wisebot"


def test_keys_of_every_contract_can_be_made(office: Office) -> None:
    for kind, path in (("wabee", "/core/v1/sessions"), ("wizchat", "/api/v1/chatbots"), ("wisebot", "/api/v1/flows")):
        made = office.people.post("/api/v1/api-keys", json={"name": kind, "kind": kind})
        assert made.status_code == 201, made.text
        with office.site.client(Authorization=f"Bearer {made.json()['key']}") as client:
            assert client.get(path).status_code == 200
    error_of(office.people.post("/api/v1/api-keys", json={"name": "x", "kind": "device"}), 400)
    error_of(office.people.post("/api/v1/api-keys", json={"name": "x", "agentIds": ["agt_other"]}), 404)
    error_of(office.people.get("/api/v1/api-keys?kind=other"), 400)


def test_time_ends_requests_and_tickets(moved: tuple[Site, MovedClock]) -> None:
    site, clock = moved
    office, machine = Office(site), Machine(site)
    clock.ahead = timedelta(seconds=2)
    assert machine.refusal() == "authorization_pending"
    assert machine.refusal() == "slow_down"
    page = confirmation(site, office, machine)
    clock.ahead = timedelta(seconds=700)
    assert machine.refusal() == "expired_token"
    error_of(approve(office, machine), 404)
    assert "Too much time has passed" in answer_page(site, page).text
    office.close()


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("", {}, "invalid_request"),
        ("", {"client_id": "x", "scope": "root"}, "invalid_request"),
        ("", {"client_id": "a\x00b"}, "invalid_name"),
        ("/token", {"grant_type": "password", "device_code": "x"}, "unsupported_grant_type"),
        ("/token", {"grant_type": GRANT, "device_code": "x"}, "invalid_grant"),
        ("/token", {"grant_type": GRANT}, "invalid_request"),
    ],
)
def test_what_does_not_fit_is_refused_in_the_form_of_oauth(site: Site, path: str, body: Any, code: str) -> None:
    for form in ({"data": body}, {"json": body}):
        answer = httpx2.post(f"{site.url}/api/auth/device{path}", **form)
        if not body and "data" in form:
            continue
        assert (answer.status_code, answer.json()["error"]) == (400, code), answer.text


def test_guessing_is_slowed_down(office: Office) -> None:
    statuses = [office.people.get(f"/api/v1/device/BCDF-GHJ{letter}").status_code for letter in "BCDFGHJK"]
    assert statuses[:5] == [404] * 5
    assert statuses[-1] == 429
    error_of(office.api.get("/api/v1/device/BCDF-GHJK"), 401)


def confirmation(site: Site, office: Office, machine: Machine, **fields: str) -> httpx2.Response:
    form = {"code": machine.asked["user_code"], "email": office.email, "password": PASSWORD, **fields}
    return httpx2.post(f"{site.url}/device", data=form)


def answer_page(site: Site, shown: httpx2.Response, answer: str = "approve", **headers: str) -> httpx2.Response:
    fields = dict(re.findall(r'name="(ticket|organization)" value="([^"]*)"', shown.text))
    return httpx2.post(f"{site.url}/device/answer", data={**fields, "answer": answer}, headers=headers)


def test_the_page_shows_what_asks_and_signs_it_in(office: Office) -> None:
    machine = Machine(office.site, device_name="<script>alert(1)</script>")
    entrance = httpx2.get(machine.asked["verification_uri_complete"])
    assert machine.asked["user_code"] in entrance.text
    shown = confirmation(office.site, office, machine)
    assert "&lt;script&gt;" in shown.text
    assert "<script" not in shown.text
    for page in (entrance, shown):
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert "set-cookie" not in page.headers
    assert answer_page(office.site, shown, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert machine.refusal() == "authorization_pending"
    assert "is signed in" in answer_page(office.site, shown).text
    assert answer_page(office.site, shown).status_code == 410
    assert machine.key().startswith("tdk_live_")


def test_the_page_refuses_wrong_passwords_and_codes_and_can_deny(office: Office) -> None:
    machine = Machine(office.site)
    wrong = confirmation(office.site, office, machine, password="wrong")
    assert (wrong.status_code, "E-mail or password is wrong." in wrong.text) == (403, True)
    assert confirmation(office.site, office, machine, code="BCDF-GHJK").status_code == 404
    shown = confirmation(office.site, office, machine)
    assert answer_page(office.site, shown, "perhaps").status_code == 400
    assert "was not signed in" in answer_page(office.site, shown, "deny").text
    assert machine.refusal() == "access_denied"
    assert httpx2.post(f"{office.site.url}/device/answer", json={}).status_code == 400
    assert httpx2.post(f"{office.site.url}/device", data={"code": "x" * 20_000}).status_code == 413
