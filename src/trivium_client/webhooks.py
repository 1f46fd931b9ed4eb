"""Webhooks as they arrive: checked by their signature (Standard Webhooks), then read.

event = webhooks.unwrap(body, headers, secret)
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence

from trivium_client._errors import WebhookInvalid
from trivium_client._json import JsonObject

TOLERANCE_S = 300

__all__ = ["TOLERANCE_S", "sign", "unwrap", "verify"]


def unwrap(body: bytes | str, headers: Mapping[str, str], secret: str | Sequence[str]) -> JsonObject:
    """Return the event in a webhook's body after checking who sent it; raises WebhookInvalid.

    Pass the body exactly as it arrived. While a secret is being rotated pass both.
    """
    verify(body, headers, secret)
    try:
        event = json.loads(body)
    except ValueError as error:
        raise WebhookInvalid("the body is not JSON") from error
    if not isinstance(event, dict):
        raise WebhookInvalid("the body is not a JSON object")
    return event


def verify(
    body: bytes | str,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    tolerance_s: float = TOLERANCE_S,
) -> None:
    """Check signature and time of a webhook; raises WebhookInvalid. A replayed one is refused after five minutes."""
    lower = {name.lower(): value for name, value in headers.items()}
    message_id, sent_at, signatures = (
        lower.get(name, "") for name in ("webhook-id", "webhook-timestamp", "webhook-signature")
    )
    if not (message_id and sent_at and signatures):
        raise WebhookInvalid("one of the headers webhook-id, webhook-timestamp, webhook-signature is missing")
    if not sent_at.isascii() or not sent_at.isdigit() or abs(time.time() - int(sent_at)) > tolerance_s:
        raise WebhookInvalid("the webhook-timestamp is too far from now")
    secrets = [secret] if isinstance(secret, str) else list(secret)
    expected = [sign(body, one, message_id=message_id, sent_at=int(sent_at)).encode() for one in secrets]
    given = [signature.encode() for signature in signatures.split() if signature.startswith("v1,")]
    if not any(hmac.compare_digest(one, other) for one in expected for other in given):
        raise WebhookInvalid("no signature matches")


def sign(body: bytes | str, secret: str, *, message_id: str, sent_at: int) -> str:
    """Return the `webhook-signature` of a body: `v1,` and the HMAC-SHA256 of id, time and body in base64."""
    content = body.encode() if isinstance(body, str) else body
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError as error:
        raise WebhookInvalid("the secret is not base64") from error
    signed = f"{message_id}.{sent_at}.".encode() + content
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
