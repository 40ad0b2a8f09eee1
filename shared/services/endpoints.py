"""
Endpoints: how each webhook's endpoint is doing, so that a dead one costs little and holds up no other.

What is short is kept in memory (the breakers), what is long in the webhook's row: since when every attempt has failed.
That is written on the first failure and on the first success, never in between.
"""

import threading
from datetime import datetime, timedelta

from shared.domain.breakers import Breaker
from shared.domain.deliveries import GONE_REASON, DeliveryQuery, DeliveryState, Outcome
from shared.domain.errors import Changed, TryLater
from shared.domain.webhooks import Webhook
from shared.ports.deliveries import BUSY, DeliveryStore, WebhookStore
from shared.ports.machine import Machine
from shared.ports.records import Stored
from shared.services.lookups import Lookup

# The deliveries of the first failure are given up after three days, so by then others have failed as well.
_PATIENCE = timedelta(days=5)
_DEAD = "Every attempt of 5 days failed; the endpoint was disabled."


class Endpoints:
    """Tells whether an endpoint may be asked now, and disables one that is gone or dead."""

    def __init__(
        self,
        webhooks: WebhookStore,
        lookup: Lookup[Stored[Webhook] | None],
        deliveries: DeliveryStore,
        machine: Machine,
    ) -> None:
        self._webhooks = webhooks
        self._lookup = lookup
        self._deliveries = deliveries
        self._machine = machine
        self._breakers: dict[str, tuple[str, Breaker]] = {}
        self._lock = threading.Lock()

    def wait(self, webhook: Webhook) -> timedelta | None:
        """Returns how long nothing must be posted to *webhook*; None where it may be posted to now."""
        with self._lock:
            breaker, wait = self._breaker(webhook).asked(self._machine.clock.now())
            self._breakers[webhook.id] = (webhook.url, breaker)
        return wait

    def tell(self, webhook: Webhook, outcome: Outcome) -> str | None:
        """Takes note of what came of a POST and returns why *webhook* was disabled, where that disabled it."""
        now = self._machine.clock.now()
        self._switch(webhook, outcome, now)
        if outcome is BUSY:
            return None
        if outcome.gone:
            return self._disable(webhook, GONE_REASON)
        try:
            return self._note(webhook, now, delivered=outcome.delivered)
        except TryLater:
            # The POST is made and its row must follow; the next result will do as well.
            return None

    def _note(self, webhook: Webhook, now: datetime, *, delivered: bool) -> str | None:
        latest = self._lookup.get(webhook.id)
        failing_since = latest.value.failing_since if latest else None
        if delivered:
            if failing_since is not None:
                self._write(webhook, {"failing_since": None})
        elif failing_since is None:
            self._write(webhook, {"failing_since": now})
        elif now - failing_since >= _PATIENCE:
            if not self._delivered_since(webhook, failing_since):
                return self._disable(webhook, _DEAD)
            # Another process had that success before it knew of the failure.
            self._write(webhook, {"failing_since": now})
        return None

    def _breaker(self, webhook: Webhook) -> Breaker:
        url, breaker = self._breakers.get(webhook.id, (webhook.url, Breaker()))
        return breaker if url == webhook.url else Breaker()

    def _switch(self, webhook: Webhook, outcome: Outcome, now: datetime) -> None:
        with self._lock:
            former = self._breaker(webhook)
            breaker = former.unasked(now) if outcome is BUSY else former.told(outcome, now)
            self._breakers[webhook.id] = (webhook.url, breaker)
        if breaker.openings > former.openings:
            self._machine.log.problem(
                "breaker.opened", webhook=webhook.id, until=breaker.until, openings=breaker.openings
            )
        elif former.openings and not breaker.openings:
            self._machine.log.event("breaker.closed", webhook=webhook.id)

    def _delivered_since(self, webhook: Webhook, since: datetime) -> bool:
        query = DeliveryQuery(webhook=webhook.id, state=DeliveryState.DELIVERED, since=since)
        position = None
        while True:
            page = self._deliveries.page(query, position, 1)
            if page.items:
                return True
            position = page.position
            if position is None:
                return False

    def _disable(self, webhook: Webhook, reason: str) -> str | None:
        known = self._lookup.get(webhook.id)
        if known is not None and known.value.url == webhook.url and known.value.disabled:
            # Another POST of the same moment was faster.
            return known.value.disabled
        if not self._write(webhook, {"disabled": reason}):
            return None
        self._machine.log.problem("webhook.disabled", webhook=webhook.id, reason=reason)
        return reason

    def _write(self, webhook: Webhook, changes: dict[str, object]) -> bool:
        """Changes the row of *webhook* and tells whether it is still about the same endpoint."""
        try:
            while True:
                stored = self._webhooks.get(webhook.id)
                # A URL set in the meantime is another endpoint, and it has not refused anything.
                if stored is None or stored.value.url != webhook.url:
                    return False
                update = {**changes, "updated": self._machine.clock.now()}
                try:
                    self._webhooks.replace(stored.value.model_copy(update=update), stored.etag)
                except Changed:
                    continue
                return True
        finally:
            self._lookup.forget(webhook.id)
