"""Listening over HTTP: the stream, its resumption, samples with the fields of real events, and who may listen."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from tests.contracts.wisebot.office import PASSWORD, Office, error_of
from trivium.core.model.samples import SAMPLES


@contextmanager
def stream(office: Office, listener: str, **headers: str) -> Iterator[Iterator[tuple[str, Any]]]:
    """Yield (id, event) pairs as they arrive."""
    path = f"/api/v1/webhooks/listeners/{listener}/events"
    with office.people.stream("GET", path, headers=headers) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield pairs(answer)


def pairs(answer: httpx2.Response) -> Iterator[tuple[str, Any]]:
    number = ""
    for line in answer.iter_lines():
        if line.startswith("id: "):
            number = line[4:]
        elif line.startswith("data: "):
            yield number, json.loads(line[6:])


def opened(office: Office, *events: str) -> Any:
    answer = office.people.post("/api/v1/webhooks/listeners", json={"events": [*events] or ["*"]})
    assert answer.status_code == 201
    return answer.json()


def trigger(office: Office, **body: Any) -> httpx2.Response:
    return office.people.post("/api/v1/webhooks/trigger", json=body)


def test_a_run_is_heard_with_its_signature(office: Office) -> None:
    listener = opened(office, "run.finished")
    with stream(office, listener["id"]) as events:
        assert next(events) == ("0", {"type": "listening"})
        office.ask(office.session(), "Hello")
        number, event = next(events)
    assert (number, event["type"], listener["secret"][:6]) == ("1", "run.finished", "whsec_")
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} < event["headers"].keys()
    assert json.loads(event["body"])["data"].keys() == SAMPLES["run.finished"].keys()


def test_the_stream_is_resumed_after_a_number(office: Office) -> None:
    listener = opened(office)
    for kind in ("run.finished", "message.created", "document.ready"):
        assert trigger(office, event=kind).json()["listeners"] == 1
    with stream(office, listener["id"]) as events:
        assert [next(events)[0] for _ in range(3)] == ["0", "1", "2"]
    with stream(office, listener["id"], **{"Last-Event-ID": "2"}) as events:
        assert [next(events) for _ in range(2)][1][1]["type"] == "document.ready"


def test_a_device_that_is_signed_out_hears_nothing_more(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trivium.core.services.listening._RENEW_S", 0.0)
    login = {"email": office.email, "password": PASSWORD, "device": "laptop"}
    with office.site.client() as nobody:
        key = nobody.post("/api/auth/login", json=login).json()["token"]
    path = f"/api/v1/webhooks/listeners/{opened(office)['id']}/events"
    with office.site.client(Authorization=f"Bearer {key}") as device, device.stream("GET", path) as answer:
        events = pairs(answer)
        assert next(events)[1] == {"type": "listening"}
        assert device.post("/api/auth/logout").json() == {"revoked": True}
        assert next(events)[1] == {"type": "closed"}


def test_samples_have_the_fields_of_the_real_events(office: Office) -> None:
    listener = opened(office, "conversation.created", "message.created", "conversation.status", "workflow.run.finished")
    session = office.session("user_77", forceNew=True)
    office.ask(session, "Hello")
    office.api.post(f"/api/v1/inbox/{session['conversationId']}/status", json={"status": "resolved"})
    office.api.post(f"/api/v1/flow/{office.flow()['id']}", json={"inputs": {"message": "hi"}})
    seen: dict[str, Any] = {}
    with stream(office, listener["id"]) as events:
        next(events)
        while len(seen) < 4:
            _, event = next(events)
            seen[event["type"]] = json.loads(event["body"])["data"]
    assert {kind: set(data) for kind, data in seen.items()} == {kind: set(SAMPLES[kind]) for kind in seen}


def test_closing_ends_it_for_everyone(office: Office) -> None:
    listener = opened(office)
    path = f"/api/v1/webhooks/listeners/{listener['id']}"
    with stream(office, listener["id"]) as events:
        next(events)
        assert office.people.delete(path).status_code == 204
        assert list(events)[-1][1] == {"type": "closed"}
    error_of(office.people.delete(path), 404)
    error_of(office.people.get(f"{path}/events"), 404)


def test_another_organization_hears_nothing(office: Office, make_office: Any) -> None:
    other = make_office()
    ours, theirs = opened(office), opened(other)
    error_of(other.people.get(f"/api/v1/webhooks/listeners/{ours['id']}/events"), 404)
    assert trigger(office, event="run.finished").json()["listeners"] == 1
    trigger(other, event="document.ready")
    with stream(other, theirs["id"]) as events:
        assert [next(events) for _ in range(2)][1][1]["type"] == "document.ready"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "listeners"), ("GET", "listeners/x/events"), ("DELETE", "listeners/x")]
)
def test_keys_and_members_may_not_listen(office: Office, method: str, path: str) -> None:
    error_of(office.api.request(method, f"/api/v1/webhooks/{path}"), 401)
    with office.member() as member:
        error_of(member.request(method, f"/api/v1/webhooks/{path}"), 403)


@pytest.mark.parametrize("body", [{"event": "nothing"}, {"event": "run.finished", "data": []}, {}])
def test_bad_samples_are_400(office: Office, body: Any) -> None:
    error_of(trigger(office, **body), 400)
    error_of(office.people.post("/api/v1/webhooks/listeners", json={"events": ["nothing"]}), 400)
