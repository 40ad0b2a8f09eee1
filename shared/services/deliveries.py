"""
Deliveries: an event reaches its webhook, now or later.

The order is the promise. First attempt: POST → row → retry message → return, and only then does the host delete the
event's own message. Retry: POST → row → next retry message → return. Whatever dies in between is repeated by the
message that still lives, so a crash can cause a duplicate and never a loss. A row never stands in the way of a message:
it only spares a POST that it shows as delivered.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.deliveries import (
    JITTER,
    Delivery,
    DeliveryKey,
    DeliveryQuery,
    DeliveryState,
    Outcome,
    Retry,
    parse_delivery_id,
    view,
)
from shared.domain.errors import Changed, DeliveryNotFound, NotFound, TryLater
from shared.domain.events import Event
from shared.domain.masking import bare_url
from shared.domain.paging import decode_cursor, encode_cursor
from shared.domain.posts import headers
from shared.domain.webhooks import Webhook
from shared.group_commit import GroupCommit
from shared.ports.deliveries import BUSY, DeliveryStore, Post, WebhookSender
from shared.ports.machine import Clock, Log, Randomness
from shared.ports.queues import RetryQueue
from shared.ports.records import Stored
from shared.ports.vault import Vault
from shared.services.endpoints import Endpoints
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup

# A full lane empties within one timeout; coming back a little later costs no attempt.
_BUSY_WAIT = timedelta(seconds=10)
_LATE_WAIT = timedelta(seconds=1)
_OUTAGE_WAIT = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """
    An event on its way to a webhook, as the bytes that every attempt sends.

    It is `suspicious` when it may have been delivered before, because what led to it came again; then its row is read.
    """

    event: Event
    webhook: str
    payload: bytes
    suspicious: bool
    correlation: str


@dataclass(frozen=True)
class Deliveries:
    """Attempts deliveries, records every attempt, and shows the record."""

    store: DeliveryStore
    rows: GroupCommit[tuple[Delivery, bytes], None]
    retries: RetryQueue
    sender: WebhookSender
    webhook_lookup: Lookup[Stored[Webhook] | None]
    endpoints: Endpoints
    settings: InstanceSettingsService
    vault: Vault
    clock: Clock
    randomness: Randomness
    log: Log
    schedule: tuple[timedelta, ...]
    payload_retention: timedelta

    def dispatch(self, outgoing: Sequence[Outgoing]) -> None:
        """Makes all first attempts in parallel, then stores their rows, then queues what must be retried."""
        fresh: list[tuple[Delivery, bytes]] = []
        attempts: list[tuple[Delivery, Webhook, bytes]] = []
        for out in outgoing:
            stored = self.webhook_lookup.get(out.webhook)
            if stored is None or not stored.value.url:
                continue
            delivery = self._new(out, stored.value)
            known = self.store.get(delivery.key) if out.suspicious else None
            if known is not None:
                self._queue_retry(known.value)
            elif stored.value.disabled:
                parked = delivery.ended(DeliveryState.PARKED, stored.value.disabled, now=self.clock.now())
                fresh.append((parked, out.payload))
            elif deferred := self._deferred(delivery, stored.value):
                fresh.append((deferred, out.payload))
            else:
                attempts.append((delivery, stored.value, out.payload))
        secrets = self.settings.secrets() if attempts else []
        outcomes = self.sender.send([self._post(*attempt, secrets) for attempt in attempts])
        for (delivery, webhook, payload), outcome in zip(attempts, outcomes, strict=True):
            fresh.append((self._after(delivery, webhook, outcome), payload))
        self.rows.submit(fresh).result()
        for delivery, _ in fresh:
            self._queue_retry(delivery)

    def attempt(self, retry: Retry, *, redelivered: bool) -> None:
        """Makes the attempt that *retry* is about, unless the row shows that somebody else made it."""
        try:
            self._attempt(retry, redelivered=redelivered or retry.again)
        except TryLater as busy:
            # Without table or vault nothing can be done now, and the host would soon give the message up as poison.
            self.log.problem("retry.postponed", delivery=retry.delivery.id, error=str(busy))
            self.retries.put(retry.model_copy(update={"again": True}), busy.retry_after or _OUTAGE_WAIT)

    def _attempt(self, retry: Retry, *, redelivered: bool) -> None:
        stored = self.store.get(retry.delivery)
        if stored is None:
            return
        delivery = stored.value
        if len(delivery.attempts) >= retry.number:
            # Made already. This very message may have died between the row and the next message, so it queues that
            # one; a fresh message here is the twin of one whose own holder queues it.
            if redelivered:
                self._queue_retry(delivery)
            return
        if delivery.state is not DeliveryState.RETRYING and not retry.asked:
            return
        after = self._made(delivery)
        self._record(after, stored.etag)
        self._queue_retry(after)

    def _made(self, delivery: Delivery) -> Delivery:
        webhook = self.webhook_lookup.get(delivery.key.webhook)
        now = self.clock.now()
        if webhook is None or not webhook.value.url:
            return delivery.ended(DeliveryState.DISCARDED, "The webhook was removed.", now=now)
        if webhook.value.disabled:
            return delivery.ended(DeliveryState.PARKED, webhook.value.disabled, now=now)
        payload = self.store.payload(delivery.key)
        if payload is None:
            return delivery.ended(DeliveryState.FAILED, "The payload has expired.", now=now)
        secrets = self.settings.secrets()
        reopened = delivery.reopened()
        deferred = self._deferred(reopened, webhook.value)
        if deferred is not None:
            return deferred
        outcome = self.sender.send([self._post(reopened, webhook.value, payload, secrets)])[0]
        return self._after(reopened, webhook.value, outcome)

    def told(self, key: DeliveryKey) -> dict[str, Any] | None:
        """Returns what the delivery's bytes say of their subject, or None where there are none."""
        payload = self.store.payload(key)
        data: dict[str, Any] | None = json.loads(payload)["data"] if payload else None
        return data

    def page(self, query: DeliveryQuery) -> dict[str, Any]:
        """Returns a page of deliveries, the newest day first, with the cursor of the next page."""
        page = self.store.page(query, decode_cursor(query.cursor), query.page_size)
        return {
            "deliveries": [view(delivery) for delivery in page.items],
            "nextPageCursor": encode_cursor(page.position),
        }

    def show(self, delivery_id: str) -> dict[str, Any]:
        """Returns one delivery, its payload included while it is kept; raises DeliveryNotFound."""
        key = parse_delivery_id(delivery_id)
        stored = self.store.get(key) if key else None
        if key is None or stored is None:
            raise DeliveryNotFound(delivery_id)
        payload = self.store.payload(key)
        return {**view(stored.value), "payload": None if payload is None else json.loads(payload)}

    def _new(self, out: Outgoing, webhook: Webhook) -> Delivery:
        now = self.clock.now()
        event = out.event
        return Delivery(
            key=DeliveryKey(webhook=webhook.id, moment=int(event.moment.timestamp() * 1000), event_id=event.id),
            event=event.name,
            account=event.account,
            account_key=event.account_key,
            url=bare_url(webhook.url),
            state=DeliveryState.RETRYING,
            created=event.learned,
            updated=now,
            payload_bytes=len(out.payload),
            payload_expires=now + self.payload_retention,
            correlation=out.correlation,
        )

    def _post(self, delivery: Delivery, webhook: Webhook, payload: bytes, secrets: Sequence[str]) -> Post:
        return Post(
            lane=webhook.id,
            url=webhook.url,
            headers=headers(
                delivery.key,
                payload,
                attempts_made=len(delivery.attempts),
                learned=delivery.created,
                now=self.clock.now(),
                secrets=secrets,
                custom=self._custom_headers(webhook),
            ),
            body=payload,
        )

    def _custom_headers(self, webhook: Webhook) -> dict[str, str]:
        if webhook.headers is None:
            return {}
        try:
            kept = self.vault.get(webhook.headers)
        except NotFound:
            # They were replaced while we still held the former row.
            self.webhook_lookup.forget(webhook.id)
            stored = self.webhook_lookup.get(webhook.id)
            if stored is None or stored.value.headers in (None, webhook.headers):
                return {}
            kept = self.vault.get(stored.value.headers or "")
        headers: dict[str, str] = json.loads(kept)
        return headers

    def _after(self, delivery: Delivery, webhook: Webhook, outcome: Outcome) -> Delivery:
        now = self.clock.now()
        if outcome is BUSY:
            after = delivery.deferred(now=now, wait=_BUSY_WAIT * (1 + self.randomness.fraction()))
        else:
            after = delivery.attempted(outcome, now=now, schedule=self.schedule, chance=self.randomness.fraction())
        disabled = self.endpoints.tell(webhook, outcome)
        if disabled is not None:
            after = after.ended(DeliveryState.PARKED, disabled, now=now)
        elif outcome.gone:
            # It was another endpoint that said so: the URL was set anew meanwhile, and there the schedule begins anew.
            after = after.reopened().deferred(now=now, wait=_BUSY_WAIT)
        self._tell(after, outcome, now)
        return after

    def _deferred(self, delivery: Delivery, webhook: Webhook) -> Delivery | None:
        """Returns the delivery put off until its endpoint may be asked, or None where it may be asked now."""
        wait = self.endpoints.wait(webhook)
        if wait is None:
            return None
        later = wait * (1 + JITTER * self.randomness.fraction())
        self.log.event("delivery.deferred", delivery=delivery.key.id, webhook=webhook.id, wait=later.total_seconds())
        return delivery.deferred(now=self.clock.now(), wait=later)

    def _tell(self, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
        self.log.event(
            "delivery.attempted",
            delivery=delivery.key.id,
            event_id=delivery.key.event_id,
            account=delivery.account,
            kind=delivery.event,
            webhook=delivery.key.webhook,
            state=delivery.state,
            attempt=len(delivery.attempts),
            status=outcome.status,
            error=outcome.error,
            milliseconds=outcome.milliseconds,
            age=int((now - delivery.created).total_seconds() * 1000),
            next_attempt=delivery.next_attempt,
            correlation=delivery.correlation or None,
        )

    def _record(self, delivery: Delivery, etag: str) -> None:
        try:
            self.store.replace(delivery, etag)
        except Changed:
            stored = self.store.get(delivery.key)
            if stored is not None and stored.value.state is not DeliveryState.DELIVERED:
                # Two attempts ran at once; the later word counts, and "delivered" is always kept.
                self.store.replace(delivery, stored.etag)

    def _queue_retry(self, delivery: Delivery) -> None:
        if delivery.state is not DeliveryState.RETRYING or delivery.next_attempt is None:
            return
        wait = max(delivery.next_attempt - self.clock.now(), _LATE_WAIT)
        self.retries.put(Retry(delivery=delivery.key, number=len(delivery.attempts) + 1), wait)
