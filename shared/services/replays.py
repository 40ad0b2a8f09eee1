"""
Replays: attempts that somebody asked for, of one delivery or of many.

Each becomes an ordinary message of the queue `retries`, and nothing is written beside it: the attempt itself reopens
the delivery. So whatever dies here is repeated, and what is repeated asks for attempts that may have been made.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.domain.deliveries import Delivery, DeliveryState, Retry, parse_delivery_id
from shared.domain.errors import DeliveryNotFound, FieldProblem, InvalidRequest, NotDeliverable
from shared.domain.jobs import Job, JobKind
from shared.domain.replays import NewReplay, Replay, is_kept, planned
from shared.ports.deliveries import DeliveryStore, WebhookStore
from shared.ports.machine import Machine
from shared.ports.queues import JobQueue, RetryQueue

# By then every process knows that the webhook is enabled, and none parks any more.
_ENABLED_WAIT = timedelta(seconds=30)
# A dry run reads rows while a client waits.
_MOST_COUNTED = 10_000
_COUNTED_AT_ONCE = 1000


@dataclass(frozen=True)
class Replays:
    """Has deliveries attempted again. Older than `reach` there is none whose bytes are still kept."""

    store: DeliveryStore
    webhooks: WebhookStore
    retries: RetryQueue
    jobs: JobQueue
    machine: Machine
    reach: timedelta

    def resend(self, delivery_id: str) -> dict[str, Any]:
        """Asks for one more attempt of a delivery; raises DeliveryNotFound or NotDeliverable."""
        key = parse_delivery_id(delivery_id)
        stored = self.store.get(key) if key else None
        if stored is None:
            raise DeliveryNotFound(delivery_id)
        delivery = stored.value
        if not is_kept(delivery, self.machine.clock.now()):
            raise NotDeliverable("PayloadExpired", "The payload of this delivery has expired.")
        obstacle = self._obstacle(delivery.key.webhook)
        if obstacle is not None:
            raise obstacle
        self._ask(delivery, timedelta())
        self.machine.log.event(
            "delivery.resent",
            delivery=delivery.key.id,
            event_id=delivery.key.event_id,
            webhook=delivery.key.webhook,
            account=delivery.account,
        )
        return {"id": delivery.key.id, "queued": True}

    def start(self, request: NewReplay) -> dict[str, Any]:
        """
        Queues a replay and returns its id; a dry run only counts.

        Raises InvalidRequest where there is no such webhook, and NotDeliverable where it is disabled.
        """
        if self.webhooks.get(request.webhook) is None:
            raise InvalidRequest(FieldProblem("webhook", f'"webhook" must exist; there is no {request.webhook!r}'))
        if request.dry_run:
            return self._count(planned(request, ""))
        obstacle = self._obstacle(request.webhook)
        if obstacle is not None:
            raise obstacle
        replay = planned(request, self.machine.randomness.nonce())
        self._queue(replay, timedelta())
        self.machine.log.event("replay.started", replay=replay.id, webhook=replay.webhook)
        return {"replay": replay.id}

    def enabling(self, webhook: str) -> None:
        """
        Queues the replay of all that is parked for *webhook*, which is about to be enabled.

        It is called before the row is written: a crash in between leaves a replay that finds the webhook disabled and
        ends, and the other order could leave what is parked to nobody.
        """
        since = self.machine.clock.now() - self.reach
        parked = Replay(
            id=self.machine.randomness.nonce(), webhook=webhook, states=(DeliveryState.PARKED,), since=since
        )
        self._queue(parked, _ENABLED_WAIT)
        self.machine.log.event("replay.started", replay=parked.id, webhook=webhook)

    def go_on(self, replay: Replay) -> None:
        """Asks for the attempts of one page at the replay's pace, then queues the next page."""
        obstacle = self._obstacle(replay.webhook)
        if obstacle is not None:
            self.machine.log.problem("replay.stopped", replay=replay.id, webhook=replay.webhook, reason=str(obstacle))
            return
        page = self.store.page(replay.query, replay.position, replay.page_size)
        now = self.machine.clock.now()
        kept = [delivery for delivery in page.items if is_kept(delivery, now)]
        for number, delivery in enumerate(kept):
            self._ask(delivery, replay.pause(number))
        rest = replay.after(page.position, len(kept))
        if rest is None:
            self.machine.log.event(
                "replay.ended", replay=replay.id, webhook=replay.webhook, queued=replay.queued + len(kept)
            )
            return
        self._queue(rest, replay.pause(len(kept)))

    def _ask(self, delivery: Delivery, delay: timedelta) -> None:
        self.retries.put(Retry(delivery=delivery.key, number=len(delivery.attempts) + 1, asked=True), delay)

    def _queue(self, replay: Replay, delay: timedelta) -> None:
        # A replay is about a webhook; no account has a part in it.
        self.jobs.put(Job(kind=JobKind.REPLAY, replay=replay), delay)

    def _obstacle(self, webhook: str) -> NotDeliverable | None:
        stored = self.webhooks.get(webhook)
        if stored is None or not stored.value.url:
            return NotDeliverable("WebhookRemoved", "The webhook was removed.")
        if stored.value.disabled:
            return NotDeliverable("WebhookDisabled", "The webhook is disabled: set its URL again.")
        return None

    def _count(self, replay: Replay) -> dict[str, Any]:
        now, found = self.machine.clock.now(), 0
        rest: Replay | None = replay
        while rest is not None and found < _MOST_COUNTED:
            page = self.store.page(rest.query, rest.position, _COUNTED_AT_ONCE)
            found += sum(is_kept(delivery, now) for delivery in page.items)
            rest = rest.after(page.position, 0)
        return {"replay": None, "deliveries": found, "more": rest is not None}
