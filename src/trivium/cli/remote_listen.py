"""`trivium listen` and `trivium trigger`: webhooks on a machine that the server cannot reach."""

import contextlib
import http.client
import json
import secrets
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from trivium.cli._output import FAILED, USAGE, StopError
from trivium.cli.remote import HERE, Remote, remote
from trivium.cli.remote_output import styled

if TYPE_CHECKING:
    from trivium_client import Wisebot
    from trivium_client.models.listening import HeardEvent

TIMEOUT_S = 10.0
AGAIN_S = 2.0
To = Annotated[str | None, Parameter(name=["--forward-to", "--to"], help="Address on this machine.")]


@remote
def listen(
    *,
    forward_to: To = None,
    events: Annotated[
        list[str] | None, Parameter(help="Only these types, by commas; run.* is every one that begins so.")
    ] = None,
    only_print: Annotated[bool, Parameter(name="--print", help="Print the events, forward none.", negative=())] = False,
    once: Annotated[bool, Parameter(help="Stop after the first.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Forward what happens at the server to a program on this machine, signed like a webhook.

    Prints a line for each event; with --print, or -o json, the events themselves. The signing secret is shown once, on
    stderr. What happens while the connection is lost comes when it is back. Ctrl-C ends.

    Example: `trivium listen --forward-to http://127.0.0.1:3000/hooks --events message.created,run.finished`
    """
    if forward_to is not None:
        _check(forward_to)
    elif not only_print:
        hint = "Say --forward-to http://127.0.0.1:3000/hooks, or --print."
        raise StopError("Where to?", hint=hint, status=USAGE, code="usage")
    wanted = [name.strip() for group in events or ["*"] for name in group.split(",") if name.strip()]
    with remote.wisebot() as client:
        for event in _heard(client, wanted or ["*"], remote):
            if only_print:
                _print_event(event, as_json=remote.form == "json")
            if forward_to is not None and not only_print:
                _tell(event.id, event.type, _forward(forward_to, event.body.encode(), event.headers), remote)
            if once:
                return


@remote
def trigger(
    event: Annotated[str, Parameter(help="Type of event.")],
    /,
    *,
    to: Annotated[
        str | None, Parameter(name=["--to", "--forward-to"], help="Send it there from here, without the server.")
    ] = None,
    secret: Annotated[str | None, Parameter(help="With --to: secret to sign with; a new one is shown.")] = None,
    data: Annotated[str | None, Parameter(help="Content of the event as JSON, instead of a sample.")] = None,
    webhooks: Annotated[bool, Parameter(help="Send it to the webhooks that want it, too.", negative=())] = False,
    remote: Remote = HERE,
) -> None:
    """Send a sample event the way real ones go: to everyone who runs `trivium listen`. Prints its id.

    Example: `trivium trigger message.created`

    Example: `trivium trigger run.finished --data '{"run_id": "run_1", "status": "failed"}' --webhooks`
    """
    from trivium.core.model.samples import SAMPLES

    if event not in SAMPLES:
        hint = f"There are: {', '.join(SAMPLES)}."
        raise StopError(f"There is no event {event!r}.", hint=hint, status=USAGE, code="unknown_event")
    content = _object(data) if data is not None else None
    if to is not None:
        _check(to)
        _send_sample(event, {**SAMPLES[event]} if content is None else content, to, secret=secret, remote=remote)
        return
    with remote.wisebot() as client:
        sent = client.admin.listeners.trigger(event, content, to_webhooks=webhooks)
    if not sent.listeners + sent.webhooks:
        hint = "Start in another terminal: trivium listen --forward-to http://127.0.0.1:3000/hooks"
        raise StopError(f"Nobody listens to {event}.", hint=hint, status=FAILED, code="nobody_listens")
    if remote.form == "table":
        print(sent.id)
    else:
        remote.answer(sent)
    remote.tell(f"Sent to {sent.listeners} listeners and {sent.webhooks} webhooks.")


def _heard(client: "Wisebot", events: list[str], remote: Remote) -> "Iterator[HeardEvent]":
    """Yield events until interrupted, through lost connections and restarts of the server."""
    from trivium_client import NotFound, TriviumError

    while True:
        opened = client.admin.listeners.open(events)
        # Needed to check what arrives, so it is told in a pipe, too.
        print(f"Listening at {remote.server}. Signing secret: {opened.secret}", file=sys.stderr, flush=True)
        try:
            with contextlib.suppress(NotFound):
                yield from _read(client, opened.id, remote)
            remote.tell("The server has forgotten this listener.")
        finally:
            # A listener that nobody reads from ends by itself, too.
            with contextlib.suppress(TriviumError):
                client.with_options(max_retries=0, timeout=AGAIN_S).admin.listeners.close(opened.id)


def _read(client: "Wisebot", listener_id: str, remote: Remote) -> "Iterator[HeardEvent]":
    """Yield events until the server ends the listener; raises NotFound when it has none of this id."""
    from trivium_client import ConnectionFailed, ServerFailed

    after = 0
    is_lost = False
    while True:
        stream = client.admin.listeners.events(listener_id, after=after)
        try:
            with stream:
                for event in stream:
                    is_lost, after = False, event.seq
                    yield event
            return
        except (ConnectionFailed, ServerFailed) as error:
            if not is_lost:
                remote.tell(f"{error}. Trying again until Ctrl-C.")
            is_lost = True
            time.sleep(AGAIN_S)


def _print_event(event: "HeardEvent", *, as_json: bool) -> None:
    content = json.loads(event.body)
    if as_json:
        print(json.dumps({"id": event.id, **content}, ensure_ascii=False), flush=True)
        return
    print(f"{styled(event.type, '1')}  {event.id}\n{json.dumps(content, indent=2, ensure_ascii=False)}", flush=True)


def _tell(event_id: str, kind: str, came: tuple[int | None, str, int], remote: Remote) -> None:
    status, why, duration_ms = came
    if remote.form == "json":
        row = {"id": event_id, "type": kind, "status": status, "durationMs": duration_ms, "error": why or None}
        print(json.dumps(row), flush=True)
        return
    shown = str(status) if status is not None else why
    colour = "32" if status is not None and status < 300 else "31"
    at = time.strftime("%H:%M:%S")
    print(f"{at}  {kind}  {styled(shown, colour)}  {duration_ms} ms  {event_id}", flush=True)


def _send_sample(event: str, content: Mapping[str, object], to: str, *, secret: str | None, remote: Remote) -> None:
    from trivium_client import webhooks

    key = secret or _new_secret()
    message_id, sent_at = f"sample_{secrets.token_hex(8)}", int(time.time())
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(sent_at))
    body = json.dumps({"type": event, "timestamp": at, "data": content}).encode()
    headers = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": webhooks.sign(body, key, message_id=message_id, sent_at=sent_at),
    }
    came = _forward(to, body, headers)
    _tell(message_id, event, came, remote)
    if came[0] is None:
        raise StopError(f"{to}: {came[1]}", hint="Does your program run there?", code="no_connection")


def _new_secret() -> str:
    import base64

    made = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    print(f"Signing secret: {made}", file=sys.stderr, flush=True)
    return made


def _check(url: str) -> None:
    if not url.startswith(("http://", "https://")):
        raise StopError(f"{url!r} is no http address.", status=USAGE, code="usage")


def _object(text: str) -> dict[str, object]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise StopError(f"--data is not JSON: {error}", status=USAGE, code="usage") from error
    if not isinstance(found, dict):
        raise StopError("--data is not a JSON object.", status=USAGE, code="usage")
    return found


def _forward(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int | None, str, int]:
    """Send one event; returns the status, or None and why there is none, and the milliseconds it took."""
    started = time.monotonic()
    # Nothing between here and this machine's own program: no proxy, and no redirect that would lose the body.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())
    request = urllib.request.Request(url, data=body, headers=dict(headers))  # noqa: S310 - http and https only, checked
    status, why = None, ""
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            status = int(answer.status)
    except urllib.error.HTTPError as error:
        status = error.code
    except urllib.error.URLError as error:
        why = str(getattr(error.reason, "strerror", None) or error.reason)
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
    return status, why, round((time.monotonic() - started) * 1000)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None
