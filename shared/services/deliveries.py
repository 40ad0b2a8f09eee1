"""
Deliveries: an event reaches its webhook, now or later.

What is done about a delivery, and in which order, `shared/domain/attempts.py` decides; here it is carried out.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.attempts import ORDER, Effect, Step, first, later, next_retry, told, unasked
from shared.domain.deliveries import (
    JITTER,
    Delivery,
    DeliveryKey,
    DeliveryQuery,
    DeliveryState,
    Outcome,
    Retry,
    overrules,
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
from shared.ports.machine import Machine
from shared.ports.queues import RetryQueue
from shared.ports.records import Stored
from shared.ports.vault import Vault
from shared.services.endpoints import Endpoints
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup

_OUTAGE_WAIT = timedelta(seconds=60)
# As many results as open the breaker of an endpoint at which all fails.
_VANGUARD = 10


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


class _Work:
    """A step that is being carried out. Without `etag` its row is new; a `payload` that has expired is empty."""

    def __init__(self, step: Step, webhook: Webhook, payload: bytes, etag: str | None = None) -> None:
        self.delivery = step.delivery
        self.effects = step.effects
        self.webhook = webhook
        self.payload = payload
        self.etag = etag

    def becomes(self, delivery: Delivery | None) -> bool:
        """Goes on as *delivery*, if there is one, and tells whether there was."""
        self.delivery = delivery or self.delivery
        return delivery is not None


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
    machine: Machine
    schedule: tuple[timedelta, ...]
    payload_retention: timedelta

    def dispatch(self, outgoing: Sequence[Outgoing]) -> None:
        """Makes all first attempts in parallel, then stores their rows, then queues what must be retried."""
        works = []
        for out in outgoing:
            webhook = self._webhook(out.webhook)
            delivery = self._new(out, webhook)
            known = self.store.get(delivery.key) if out.suspicious else None
            works.append(_Work(first(delivery, known.value if known else None), webhook, out.payload))
        self._carry_out(works)

    def attempt(self, retry: Retry, *, redelivered: bool) -> None:
        """Makes the attempt that *retry* is about, unless the row shows that somebody else made it."""
        try:
            self._attempt(retry, redelivered=redelivered or retry.again)
        except TryLater as busy:
            # Without table or vault nothing can be done now, and the host would soon give the message up as poison.
            self.machine.log.problem("retry.postponed", **_named(retry.delivery), error=str(busy))
            self.retries.put(retry.model_copy(update={"again": True}), busy.retry_after or _OUTAGE_WAIT)

    def _attempt(self, retry: Retry, *, redelivered: bool) -> None:
        stored = self.store.get(retry.delivery)
        step = later(retry, stored.value, redelivered=redelivered) if stored else None
        if stored is None or step is None or Effect.POST not in step.effects:
            # Somebody else made it, or its row is older than we keep.
            self.machine.log.event("retry.pointless", **_named(retry.delivery))
        if stored is None or step is None:
            return
        webhook = self._webhook(retry.delivery.webhook)
        payload = self.store.payload(retry.delivery) if Effect.POST in step.effects else None
        self._carry_out([_Work(step, webhook, payload or b"", stored.etag)])

    def _carry_out(self, works: Sequence[_Work]) -> None:
        for effect in ORDER:
            concerned = [work for work in works if effect in work.effects]
            match effect:
                case Effect.POST:
                    self._ask(concerned)
                case Effect.ROW:
                    self._record(concerned)
                case Effect.RETRY:
                    self._queue(concerned)

    def _ask(self, works: Sequence[_Work]) -> None:
        """
        Posts to the endpoints that may be asked now; each delivery goes on from what came of that.

        Of many for one endpoint some go ahead, so that one that has died costs these attempts and not all.
        """
        now = self.machine.clock.now()
        able = [work for work in works if not work.becomes(self._unasked(work, now))]
        secrets = self.settings.secrets() if able else []
        for wave in filter(None, _waves(able)):
            asked = [work for work in wave if not work.becomes(self._deferred(work.delivery.reopened(), work.webhook))]
            outcomes = self.sender.send([self._post(work, secrets) for work in asked])
            for work, outcome in zip(asked, outcomes, strict=True):
                work.becomes(self._after(work.delivery.reopened(), work.webhook, outcome))

    def _record(self, works: Sequence[_Work]) -> None:
        """Writes the rows: new ones together, with the bytes that every further attempt sends."""
        self.rows.submit([(work.delivery, work.payload) for work in works if work.etag is None]).result()
        for work in works:
            if work.etag is not None:
                self._replace(work.delivery, work.etag)

    def _queue(self, works: Sequence[_Work]) -> None:
        for work in works:
            following = next_retry(work.delivery, self.machine.clock.now())
            if following is not None:
                self.retries.put(*following)

    def told(self, key: DeliveryKey) -> dict[str, Any] | None:
        """Returns what the delivery's bytes say of their subject, or None where there are none."""
        payload = self.store.payload(key)
        data: dict[str, Any] | None = json.loads(payload)["data"] if payload else None
        return data

    def has_told(self, webhook: str, event: str, since: datetime, until: datetime) -> bool:
        """
        Tells whether a delivery of *event* is found at a moment between these.

        Storage reads all that lies between them, so one page has to do: where there is more, it may not be found.
        """
        query = DeliveryQuery(webhook=webhook, event_id=event, since=since, until=until)
        return bool(self.store.page(query, None, 1).items)

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

    def _webhook(self, webhook: str) -> Webhook:
        """Returns the webhook; one that is not there is one without a URL, and receives nothing."""
        stored = self.webhook_lookup.get(webhook)
        return stored.value if stored else Webhook(id=webhook, url="", updated=self.machine.clock.now())

    def _new(self, out: Outgoing, webhook: Webhook) -> Delivery:
        now = self.machine.clock.now()
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

    def _post(self, work: _Work, secrets: Sequence[str]) -> Post:
        return Post(
            lane=work.webhook.id,
            url=work.webhook.url,
            headers=headers(
                work.delivery.key,
                work.payload,
                attempts_made=len(work.delivery.attempts),
                learned=work.delivery.created,
                now=self.machine.clock.now(),
                secrets=secrets,
                custom=self._custom_headers(work.webhook),
            ),
            body=work.payload,
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
        now = self.machine.clock.now()
        disabled = self.endpoints.tell(webhook, outcome)
        made = None if outcome is BUSY else outcome
        after = told(
            delivery, made, disabled, now=now, schedule=self.schedule, chance=self.machine.randomness.fraction()
        )
        self._tell(after, outcome, now)
        return after

    def _unasked(self, work: _Work, now: datetime) -> Delivery | None:
        """Returns the delivery ended without a POST, or None where its endpoint is to be asked."""
        ended = unasked(work.delivery, work.webhook, work.payload, now=now)
        if ended is not None:
            self.machine.log.event("delivery.unasked", **_about(ended), state=ended.state, reason=ended.reason)
        return ended

    def _deferred(self, delivery: Delivery, webhook: Webhook) -> Delivery | None:
        """Returns the delivery put off until its endpoint may be asked, or None where it may be asked now."""
        wait = self.endpoints.wait(webhook)
        if wait is None:
            return None
        later = wait * (1 + JITTER * self.machine.randomness.fraction())
        now = self.machine.clock.now()
        deferred = delivery.deferred(now=now, wait=later)
        self.machine.log.event(
            "delivery.deferred",
            **_about(delivery),
            wait=later.total_seconds(),
            age=_age(delivery, now),
            next_attempt=deferred.next_attempt,
        )
        return deferred

    def _tell(self, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
        self.machine.log.event(
            "delivery.attempted",
            **_about(delivery),
            state=delivery.state,
            attempt=len(delivery.attempts),
            status=outcome.status,
            error=outcome.error,
            milliseconds=outcome.milliseconds,
            age=_age(delivery, now),
            next_attempt=delivery.next_attempt,
        )

    def _replace(self, delivery: Delivery, etag: str) -> None:
        while True:
            try:
                self.store.replace(delivery, etag)
            except Changed:
                # Two attempts ran at once; the first word counts, unless the later one is better.
                stored = self.store.get(delivery.key)
                if stored is None or not overrules(delivery.state, stored.value.state):
                    return
                etag = stored.etag
            else:
                return


def _age(delivery: Delivery, now: datetime) -> int:
    """Returns how long ago the event was learned, in milliseconds."""
    return int((now - delivery.created).total_seconds() * 1000)


def _named(key: DeliveryKey) -> dict[str, object]:
    """Returns the log's names of a delivery, where nothing else is known of it."""
    return {"delivery": key.id, "event_id": key.event_id, "webhook": key.webhook}


def _about(delivery: Delivery) -> dict[str, object]:
    """Returns the log's names of a delivery and of what it is about."""
    about = {"account": delivery.account, "kind": delivery.event, "correlation": delivery.correlation or None}
    return {**_named(delivery.key), **about}


def _waves(works: Sequence[_Work]) -> tuple[list[_Work], list[_Work]]:
    """Returns the first few of each endpoint, and all others."""
    vanguard: list[_Work] = []
    others: list[_Work] = []
    gone_ahead: Counter[str] = Counter()
    for work in works:
        (vanguard if gone_ahead[work.webhook.id] < _VANGUARD else others).append(work)
        gone_ahead[work.webhook.id] += 1
    return vanguard, others
