"""
Attempts: what is done about a delivery, and in which order, as values. The service carries it out and decides nothing.

A message leads to every step: the event's own to the first, one of the queue `retries` to each later one. It lives
until all effects of the step have happened, and comes again where they have not. So what dies half-way is repeated: the
order below can cause a duplicate, and never a loss. The search of tests/faults/test_search.py proves it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.deliveries import ENDED, Delivery, DeliveryState, Outcome, Retry
from shared.domain.webhooks import Webhook

# A full lane empties within one timeout; coming back a little later costs no attempt.
_BUSY_WAIT = timedelta(seconds=10)
_LATE_WAIT = timedelta(seconds=1)


class Effect(StrEnum):
    """What a step does to the world."""

    POST = "post"
    ROW = "row"
    RETRY = "retry"


# A row before its POST would spare the repetition that must still post; a retry before its row would find no row.
ORDER = (Effect.POST, Effect.ROW, Effect.RETRY)


@dataclass(frozen=True, slots=True)
class Step:
    """A delivery and what must happen to it now, in the order of `ORDER`."""

    delivery: Delivery
    effects: frozenset[Effect]


_ATTEMPT = frozenset(ORDER)
_REPEAT = frozenset({Effect.RETRY})
_NOTHING: frozenset[Effect] = frozenset()


def first(delivery: Delivery, known: Delivery | None) -> Step:
    """Returns the step for an event's own message; *known* is the row, where the message came again and left one."""
    if known is None:
        return Step(delivery, _ATTEMPT)
    # The row spares the POST, and never the retry, which may not have been queued.
    return Step(known, _REPEAT)


def later(retry: Retry, row: Delivery, *, redelivered: bool) -> Step:
    """Returns the step for *retry*, unless the row shows that somebody else made it."""
    if len(row.attempts) >= retry.number:
        # Made already. This very message may have died between the row and the next message, so it queues that one;
        # a fresh message here is the twin of one whose own holder queues it.
        return Step(row, _REPEAT if redelivered else _NOTHING)
    # A state that a newer version gave it is none of these: there is a message, so it is not at its end.
    if row.state in ENDED and not retry.asked:
        return Step(row, _NOTHING)
    return Step(row, _ATTEMPT)


def unasked(delivery: Delivery, webhook: Webhook, payload: bytes, *, now: datetime) -> Delivery | None:
    """Returns the delivery ended without a POST, or None where its endpoint is to be asked."""
    if not webhook.url:
        return delivery.ended(DeliveryState.DISCARDED, "No URL is set for this webhook.", now=now)
    if webhook.disabled:
        return delivery.ended(DeliveryState.PARKED, webhook.disabled, now=now)
    if not payload:
        return delivery.ended(DeliveryState.FAILED, "The payload has expired.", now=now)
    return None


def told(
    delivery: Delivery,
    outcome: Outcome | None,
    disabled: str | None,
    *,
    now: datetime,
    schedule: tuple[timedelta, ...],
    chance: float,
) -> Delivery:
    """Returns the delivery after a POST; without *outcome* it was not made. *disabled* says why that was the last."""
    if outcome is None:
        return delivery.deferred(now=now, wait=_BUSY_WAIT * (1 + chance))
    after = delivery.attempted(outcome, now=now, schedule=schedule, chance=chance)
    if disabled is not None:
        return after.ended(DeliveryState.PARKED, disabled, now=now)
    if outcome.gone:
        # It was another endpoint that said so: the URL was set anew meanwhile, and there the schedule begins anew.
        return after.reopened().deferred(now=now, wait=_BUSY_WAIT)
    return after


def next_retry(delivery: Delivery, now: datetime) -> tuple[Retry, timedelta] | None:
    """Returns the message that goes on with *delivery*, and how long it hides; None where nothing is to follow."""
    if delivery.state is not DeliveryState.RETRYING or delivery.next_attempt is None:
        return None
    retry = Retry(delivery=delivery.key, number=len(delivery.attempts) + 1)
    return retry, max(delivery.next_attempt - now, _LATE_WAIT)
