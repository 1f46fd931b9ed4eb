"""Webhooks are believed only when their signature is right."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook

from trivium_client import WebhookInvalid, webhooks

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = json.dumps({"type": "run.finished", "data": {"text": "Grüße"}})


def headers(secret: str = SECRET, *, at: datetime | None = None) -> dict[str, str]:
    sent_at = at or datetime.now(UTC)
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(int(sent_at.timestamp())),
        "Webhook-Signature": Webhook(secret).sign("msg_1", sent_at, BODY),
    }


def test_event_of_the_sender_is_read() -> None:
    assert webhooks.unwrap(BODY.encode(), headers(), SECRET)["type"] == "run.finished"


def test_two_secrets_hold_during_a_rotation() -> None:
    assert webhooks.unwrap(BODY, headers(OLD), [SECRET, OLD])["type"] == "run.finished"


# Made when the test runs: a signature is only as good as its time.
REFUSED = {
    "changed body": (lambda: headers(), " ", "no signature"),
    "other secret": (lambda: headers(OLD), "", "no signature"),
    "too old": (lambda: headers(at=datetime.now(UTC) - timedelta(minutes=6)), "", "too far"),
    "from the future": (lambda: headers(at=datetime.now(UTC) + timedelta(minutes=6)), "", "too far"),
    "no number": (lambda: {**headers(), "Webhook-Timestamp": "²"}, "", "too far"),
    "no ASCII": (lambda: {**headers(), "Webhook-Signature": "v1,ü"}, "", "no signature"),
    "nothing": (dict, "", "missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_anything_else_is_refused(case: str) -> None:
    make, added, message = REFUSED[case]
    with pytest.raises(WebhookInvalid, match=message):
        webhooks.unwrap(BODY + added, make(), SECRET)
