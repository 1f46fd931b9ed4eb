"""`trivium listen` and `trivium trigger`: webhooks on a machine that the server cannot reach."""

import json
import secrets
import time
import urllib.error
import urllib.request
from typing import Annotated

from cyclopts import Parameter

from trivium.cli._output import FAILED, StopError
from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import say

POLL_S = 1.0
TIMEOUT_S = 10.0
SAMPLES: dict[str, dict[str, object]] = {
    "conversation.created": {"conversationId": "cnv_sample", "agentId": "agt_sample"},
    "message.created": {"conversationId": "cnv_sample", "role": "user", "text": "Hello"},
    "conversation.status": {"conversationId": "cnv_sample", "status": "escalated"},
    "workflow.run.finished": {"runId": "run_sample", "workflowId": "wf_sample", "status": "succeeded"},
}
To = Annotated[str, Parameter(name=["--forward-to", "--to"], help="Address on this machine.")]
Secret = Annotated[str | None, Parameter(help="Secret to sign with; a new one is made and shown without it.")]


@remote
def listen(
    *,
    forward_to: To,
    secret: Secret = None,
    once: Annotated[bool, Parameter(help="Stop after the first.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Forward what happens at the server to a program on this machine, signed like a webhook.

    Example: `trivium listen --forward-to http://127.0.0.1:3000/hooks`
    """
    key = _announced(secret)
    with remote.wisebot() as client:
        seen = {json.dumps(event.model_dump(mode="json")) for event in client.v1.activity.list(limit=50).events}
        say(f"Listening at {remote.server}; Ctrl-C ends.")
        while True:
            found = client.v1.activity.list(limit=50).events
            for event in reversed(found):
                mark = json.dumps(event.model_dump(mode="json"))
                if mark in seen:
                    continue
                seen.add(mark)
                _forward(forward_to, event.type, event.model_dump(mode="json", by_alias=True), key)
                if once:
                    return
            time.sleep(POLL_S)


@remote
def trigger(
    event: Annotated[str, Parameter(help="Kind of event.")],
    /,
    *,
    to: To,
    secret: Secret = None,
    data: Annotated[str | None, Parameter(help="Content of the event as JSON, instead of a sample.")] = None,
) -> None:
    """Send a sample event to a program on this machine, signed like a webhook.

    Example: `trivium trigger workflow.run.finished --to http://127.0.0.1:3000/hooks`
    """
    if event not in SAMPLES and data is None:
        raise StopError(f"There is no sample of {event!r}.", hint=f"There are: {', '.join(SAMPLES)}.", code="usage")
    content = SAMPLES.get(event, {}) if data is None else json.loads(data)
    _forward(to, event, content, _announced(secret))


def _announced(secret: str | None) -> str:
    import base64

    if secret is not None:
        return secret
    made = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    say(f"Signed with {made}")
    return made


def _forward(url: str, kind: str, content: object, secret: str) -> None:
    """Send one event and print what came of it; raises StopError when the program cannot be reached."""
    from trivium_client import webhooks

    if not url.startswith(("http://", "https://")):
        raise StopError(f"{url!r} is no address.", status=2, code="usage")
    message_id, sent_at = f"msg_{secrets.token_hex(8)}", int(time.time())
    created_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(sent_at))
    body = json.dumps({"id": message_id, "type": kind, "createdAt": created_at, "data": content}).encode()
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": webhooks.sign(body, secret, message_id=message_id, sent_at=sent_at),
    }
    request = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310  # http and https only, see above
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            print(f"{message_id}  {kind}  {answer.status}", flush=True)
    except urllib.error.HTTPError as error:
        print(f"{message_id}  {kind}  {error.code}", flush=True)
    except OSError as error:
        raise StopError(f"{url}: {error}", status=FAILED, code="no_connection") from error
