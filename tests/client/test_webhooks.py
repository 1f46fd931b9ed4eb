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


@pytest.mark.parametrize(
    ("body", "given", "message"),
    [
        (BODY + " ", headers(), "no signature"),
        (BODY, headers(OLD), "no signature"),
        (BODY, headers(at=datetime.now(UTC) - timedelta(minutes=6)), "too far"),
        (BODY, headers(at=datetime.now(UTC) + timedelta(minutes=6)), "too far"),
        (BODY, {**headers(), "Webhook-Timestamp": "²"}, "too far"),
        (BODY, {**headers(), "Webhook-Signature": "v1,ü"}, "no signature"),
        (BODY, {}, "missing"),
    ],
)
def test_anything_else_is_refused(body: str, given: dict[str, str], message: str) -> None:
    with pytest.raises(WebhookInvalid, match=message):
        webhooks.unwrap(body, given, SECRET)
