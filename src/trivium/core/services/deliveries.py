"""Callbacks and webhooks: signed, tried for three days, logged, sent again by hand."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import anyio

from trivium.core.errors import Conflict, CoreError, InvalidRequest
from trivium.core.model.deliveries import Delivery, DeliveryAttempt, DeliveryStatus
from trivium.core.model.ids import new_id
from trivium.core.ports import Clock, Outbound, OutboundResponse, Store, Transaction
from trivium.core.services.jobs import JobRun, Jobs
from trivium.core.services.signing import SigningSecrets, signature_headers

JOB = "delivery.send"
CALLBACKS = "callbacks"
# Pauses between the ten tries, 75 h 35 min in all (source: the schedule that Standard Webhooks recommends).
PAUSES_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
_PAUSE_S_MAX = 86_400.0
_TIMEOUT_S = 10.0
_RESPONSE_BYTES_MAX = 16_384
_RESPONSE_CHARS_KEPT = 1_000
_URL_CHARS_MAX = 2_048
_BODY_BYTES_MAX = 5_000_000
# One receiver that hangs must not take every place of the runner.
_PER_RECEIVER_MAX = 4
_RESEND_MAX = 1_000
_KEPT = timedelta(days=30)
_PURGE_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What came of one try: `pause_s` None means that there is no further one."""

    status: DeliveryStatus
    response_status: int | None = None
    response: str = ""
    error: str | None = None
    pause_s: float | None = None
    is_gone: bool = False


class Deliveries:
    """Outgoing signed calls. They arrive at least once, with the same `webhook-id` each time."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        jobs: Jobs,
        outbound: Outbound,
        secrets: SigningSecrets,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._clock = clock
        self._jobs = jobs
        self._outbound = outbound
        self._secrets = secrets
        self._jitter = jitter
        self._in_flight: Counter[str] = Counter()

    def enqueue(self, tx: Transaction, delivery: Delivery) -> bool:
        """Store a delivery and have it sent, in the transaction that gives the reason for it.

        False when one with this id exists: derive the id from the reason, and a repeated unit adds nothing.
        """
        if tx.deliveries.first(delivery.organization_id, id=delivery.id) is not None:
            return False
        if _predecessor(tx, delivery):
            tx.deliveries.add(replace(delivery, status="waiting"))
            return True
        tx.deliveries.add(delivery)
        self._queue(tx, delivery)
        return True

    def make(
        self,
        organization_id: str,
        *,
        type: str,  # noqa: A002 - the word of CloudEvents and Standard Webhooks
        url: str,
        body: str,
        content_type: str = "application/json",
        delivery_id: str | None = None,
        webhook_id: str | None = None,
        run_id: str | None = None,
        ordering_key: str | None = None,
    ) -> Delivery:
        """Return a delivery for `enqueue`; InvalidRequest for an address that no delivery can have or a huge body."""
        check_url(url)
        if len(body.encode()) > _BODY_BYTES_MAX:
            raise InvalidRequest("The body of a delivery has at most 5 MB.", code="delivery_too_large")
        now = self._clock.now()
        return Delivery(
            id=delivery_id or new_id("dlv"),
            organization_id=organization_id,
            type=type,
            url=url,
            body=body,
            created_at=now,
            next_attempt_at=now,
            content_type=content_type,
            webhook_id=webhook_id,
            run_id=run_id,
            ordering_key=ordering_key,
        )

    async def send(self, run: JobRun) -> datetime | None:
        """Make one try (a job). Returns when to make the next.

        Safe to repeat: if the process dies between the answer and its being stored, the same id is sent again.
        """
        organization_id, delivery_id = run.job.organization_id, str(run.job.arguments["delivery_id"])
        delivery = await self._store.read(lambda tx: tx.deliveries.first(organization_id, id=delivery_id))
        if delivery is None or delivery.status != "pending":
            return None
        now = self._clock.now()
        if delivery.next_attempt_at > now:
            return delivery.next_attempt_at
        receiver = urlsplit(delivery.url).netloc
        if self._in_flight[receiver] >= _PER_RECEIVER_MAX:
            return now + timedelta(seconds=1 + self._jitter())
        self._in_flight[receiver] += 1
        try:
            started = anyio.current_time()
            outcome = await self._try(delivery)
            duration_ms = round((anyio.current_time() - started) * 1000)
        finally:
            self._in_flight[receiver] -= 1
            if not self._in_flight[receiver]:
                del self._in_flight[receiver]
        return await self._settle(delivery, outcome, duration_ms)

    async def get(self, organization_id: str, delivery_id: str) -> Delivery:
        """Return the delivery or raise NotFound."""
        return await self._store.read(lambda tx: tx.deliveries.get(organization_id, delivery_id))

    async def find(
        self,
        organization_id: str,
        *,
        status: DeliveryStatus | None = None,
        webhook_id: str | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[Delivery]:
        """Return deliveries, newest first; `before` (an id) and `limit` page through them."""
        equals: dict[str, str] = {}
        if status is not None:
            equals["status"] = status
        if webhook_id is not None:
            equals["webhook_id"] = webhook_id
        return await self._store.read(
            lambda tx: tx.deliveries.find(organization_id, limit=limit, newest_first=True, before=before, **equals)
        )

    async def attempts(self, organization_id: str, delivery_id: str) -> list[DeliveryAttempt]:
        """Return the log of a delivery, oldest try first; NotFound when there is no such delivery."""

        def unit(tx: Transaction) -> list[DeliveryAttempt]:
            tx.deliveries.get(organization_id, delivery_id)
            return tx.delivery_attempts.find(organization_id, delivery_id=delivery_id)

        return await self._store.read(unit)

    async def resend(self, organization_id: str, delivery_id: str) -> Delivery:
        """Send a finished delivery again, with all its tries and the same id; Conflict while it is being sent."""

        def unit(tx: Transaction) -> Delivery:
            delivery = tx.deliveries.get(organization_id, delivery_id)
            if delivery.status in ("pending", "waiting"):
                raise Conflict("The delivery is being sent already.", code="delivery_pending")
            return self._again(tx, delivery)

        return await self._store.write(unit)

    async def resend_dead(self, organization_id: str, *, webhook_id: str | None = None) -> int:
        """Send up to 1,000 dead deliveries (of one webhook, when given) again, oldest first; return how many."""
        equals: dict[str, str] = {"status": "dead"}
        if webhook_id is not None:
            equals["webhook_id"] = webhook_id

        def unit(tx: Transaction) -> int:
            dead = tx.deliveries.find(organization_id, limit=_RESEND_MAX, newest_first=False, before=None, **equals)
            for delivery in dead:
                self._again(tx, delivery)
            return len(dead)

        return await self._store.write(unit)

    async def purge(self, run: JobRun) -> None:
        """Delete delivered ones and their log after 30 days (a job itself). Deleting again deletes nothing."""
        before = self._clock.now() - _KEPT
        while await self._store.write(lambda tx: tx.deliveries.purge(before, _PURGE_BATCH)) == _PURGE_BATCH:
            await run.report(50)

    def _queue(self, tx: Transaction, delivery: Delivery) -> None:
        arguments = {"delivery_id": delivery.id}
        key = f"{JOB}:{delivery.id}"
        tx.jobs.enqueue(self._jobs.make(delivery.organization_id, JOB, {**arguments}, unique_key=key))

    def _again(self, tx: Transaction, delivery: Delivery) -> Delivery:
        now = self._clock.now()
        delivery = replace(delivery, status="pending", attempt=0, next_attempt_at=now, error=None, finished_at=None)
        tx.deliveries.put(delivery)
        self._queue(tx, delivery)
        return delivery

    async def _try(self, delivery: Delivery) -> _Outcome:
        if delivery.webhook_id is not None and not await self._is_wanted(delivery):
            return _Outcome(status="dead", error="The webhook was removed or switched off.")
        owner_id = delivery.webhook_id or CALLBACKS
        secrets = await self._secrets.valid(delivery.organization_id, owner_id)
        headers = signature_headers(delivery.id, self._clock.now(), delivery.body, secrets)
        headers |= {"content-type": delivery.content_type, "user-agent": "trivium-deliveries"}
        try:
            response = await self._outbound.request(
                "POST",
                delivery.url,
                headers=headers,
                body=delivery.body.encode(),
                timeout_s=_TIMEOUT_S,
                size_max=_RESPONSE_BYTES_MAX,
            )
        except InvalidRequest as error:
            # The address may not be called; that does not change by waiting.
            return _Outcome(status="dead", error=error.message)
        except CoreError as error:
            return self._failed(delivery, _Outcome(status="pending", error=error.message))
        return self._judge(delivery, response)

    async def _is_wanted(self, delivery: Delivery) -> bool:
        webhook = await self._store.read(lambda tx: tx.webhooks.first(delivery.organization_id, id=delivery.webhook_id))
        return webhook is not None and webhook.enabled

    def _judge(self, delivery: Delivery, response: OutboundResponse) -> _Outcome:
        text = response.body[:_RESPONSE_CHARS_KEPT].decode("utf-8", errors="replace")
        outcome = _Outcome(status="pending", response_status=response.status, response=text)
        if 200 <= response.status < 300:
            return replace(outcome, status="delivered")
        if response.status == 410:
            return replace(outcome, status="dead", error="The receiver answered 410: it wants no more.", is_gone=True)
        failed = self._failed(delivery, replace(outcome, error=f"The receiver answered {response.status}."))
        retry_after_s = _retry_after_s(response, self._clock.now())
        if failed.pause_s is None or retry_after_s is None:
            return failed
        return replace(failed, pause_s=min(_PAUSE_S_MAX, max(failed.pause_s, retry_after_s)))

    def _failed(self, delivery: Delivery, outcome: _Outcome) -> _Outcome:
        if delivery.attempt >= len(PAUSES_S):
            return replace(outcome, status="dead")
        # A tenth more or less, so that what failed together does not come back together.
        return replace(outcome, pause_s=PAUSES_S[delivery.attempt] * (0.9 + self._jitter() / 5))

    async def _settle(self, delivery: Delivery, outcome: _Outcome, duration_ms: int) -> datetime | None:
        now = self._clock.now()
        next_at = None if outcome.pause_s is None else now + timedelta(seconds=outcome.pause_s)
        changed = replace(
            delivery,
            status=outcome.status,
            attempt=delivery.attempt + 1,
            next_attempt_at=next_at or delivery.next_attempt_at,
            response_status=outcome.response_status,
            error=outcome.error,
            finished_at=now if next_at is None else None,
        )
        entry = DeliveryAttempt(
            id=new_id("try"),
            organization_id=delivery.organization_id,
            delivery_id=delivery.id,
            attempt=changed.attempt,
            created_at=now,
            duration_ms=duration_ms,
            response_status=outcome.response_status,
            response=outcome.response,
            error=outcome.error,
        )

        def unit(tx: Transaction) -> None:
            tx.deliveries.put(changed)
            tx.delivery_attempts.add(entry)
            if next_at is None:
                self._release_next(tx, changed)
            _note_on_webhook(tx, changed, is_gone=outcome.is_gone)

        await self._store.write(unit)
        return next_at

    def _release_next(self, tx: Transaction, done: Delivery) -> None:
        if done.ordering_key is None:
            return
        following = tx.deliveries.first(
            done.organization_id, ordering_key=done.ordering_key, url=done.url, status="waiting"
        )
        if following is not None and not _predecessor(tx, following):
            following = replace(following, status="pending", next_attempt_at=self._clock.now())
            tx.deliveries.put(following)
            self._queue(tx, following)


def check_url(url: str) -> None:
    """Raise InvalidRequest unless it is an http(s) address without credentials, at most 2,048 characters.

    Where it leads is judged when it is called, because a name may lead elsewhere by then.
    """
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        _ = parts.port
    except ValueError:
        is_good = False
    if not is_good or len(url) > _URL_CHARS_MAX or any(char <= " " for char in url):
        raise InvalidRequest("This is no http(s) address that can be called.", code="invalid_url")


def _predecessor(tx: Transaction, delivery: Delivery) -> bool:
    if delivery.ordering_key is None:
        return False
    equals = {"ordering_key": delivery.ordering_key, "url": delivery.url}
    pending = tx.deliveries.first(delivery.organization_id, status="pending", **equals)
    return (pending is not None and pending.id != delivery.id) or (
        delivery.status == "pending"
        and tx.deliveries.first(delivery.organization_id, status="waiting", **equals) is not None
    )


def _note_on_webhook(tx: Transaction, delivery: Delivery, *, is_gone: bool) -> None:
    if delivery.webhook_id is None:
        return
    webhook = tx.webhooks.first(delivery.organization_id, id=delivery.webhook_id)
    if webhook is not None:
        status = "failing" if delivery.status == "pending" else delivery.status
        tx.webhooks.put(
            replace(
                webhook,
                last_status=status,
                last_delivery_at=delivery.finished_at or webhook.last_delivery_at,
                enabled=webhook.enabled and not is_gone,
            )
        )


def _retry_after_s(response: OutboundResponse, now: datetime) -> float | None:
    """Return the pause the receiver asks for: seconds or a date (RFC 9110, 10.2.3)."""
    value = next((value for name, value in response.headers.items() if name.lower() == "retry-after"), None)
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (TypeError, ValueError):
        return None
