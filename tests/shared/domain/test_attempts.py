"""Attempts: what is done about a delivery, in which order, and what it becomes."""

from datetime import timedelta

import pytest

from shared.domain.attempts import ORDER, Effect, first, later, next_retry, told, unasked
from shared.domain.deliveries import GONE_REASON, Attempt, DeliveryState, Outcome, Retry
from shared.domain.webhooks import Webhook
from tests.factories import HOOK, a_delivery, a_delivery_key
from tests.fakes.clock import START

SCHEDULE = (timedelta(seconds=5),)
MADE = Attempt(number=1, at=START, milliseconds=1, status=500)
GONE = Outcome(status=410, milliseconds=1)


def retry(number: int, *, asked: bool = False) -> Retry:
    """Return a message of the queue `retries`."""
    return Retry(delivery=a_delivery_key(), number=number, asked=asked)


def test_an_event_is_posted_recorded_and_queued() -> None:
    """The first step of an event has all effects: the POST, then the row, then the retry."""
    step = first(a_delivery(), None)
    assert [effect for effect in ORDER if effect in step.effects] == [Effect.POST, Effect.ROW, Effect.RETRY]


def test_a_row_spares_the_post_and_not_the_retry() -> None:
    """An event that comes again and has a row is queued as the row says, for the retry may be what is missing."""
    known = a_delivery(attempts=(MADE,))
    assert first(a_delivery(), known).delivery is known
    assert first(a_delivery(), known).effects == {Effect.RETRY}


@pytest.mark.parametrize(
    ("message", "redelivered", "effects"),
    [
        (retry(2), False, set(ORDER)),
        (retry(2), True, set(ORDER)),
        (retry(1), False, set()),
        (retry(1), True, {Effect.RETRY}),
    ],
)
def test_an_attempt_is_made_once(message: Retry, effects: set[Effect], *, redelivered: bool) -> None:
    """An attempt that the row shows is not made again; only a message that came again queues the next one."""
    assert later(message, a_delivery(attempts=(MADE,)), redelivered=redelivered).effects == effects


@pytest.mark.parametrize("state", [DeliveryState.DELIVERED, DeliveryState.PARKED, DeliveryState.FAILED])
def test_an_end_is_an_end_until_somebody_asks(state: DeliveryState) -> None:
    """A delivery that has ended is attempted only when somebody asked for it."""
    ended = a_delivery(state=state, attempts=(MADE,))
    assert later(retry(2), ended, redelivered=True).effects == set()
    assert later(retry(2, asked=True), ended, redelivered=True).effects == set(ORDER)


@pytest.mark.parametrize(
    ("webhook", "payload", "state"),
    [
        ({"url": ""}, b"{}", DeliveryState.DISCARDED),
        ({"disabled": GONE_REASON}, b"{}", DeliveryState.PARKED),
        ({}, b"", DeliveryState.FAILED),
    ],
)
def test_what_cannot_be_posted_says_why(webhook: dict[str, str], payload: bytes, state: DeliveryState) -> None:
    """Without a URL, an enabled webhook or the bytes, a delivery ends without a POST, with the reason in its row."""
    ended = unasked(
        a_delivery(), Webhook(**{"id": "default", "url": HOOK, "updated": START, **webhook}), payload, now=START
    )
    assert ended is not None
    assert ended.state is state
    assert ended.reason


def test_a_post_that_was_not_made_costs_no_attempt() -> None:
    """Where the lane was full, the delivery waits with the attempts that it had."""
    after = told(a_delivery(), None, None, now=START, schedule=SCHEDULE, chance=0.5)
    assert (after.state, after.attempts) == (DeliveryState.RETRYING, ())
    assert after.next_attempt == START + timedelta(seconds=15)


def test_gone_parks_only_where_it_disabled() -> None:
    """A 410 parks the delivery of the webhook that it disabled; from a former URL it leads to the new one."""
    parked = told(a_delivery(), GONE, GONE_REASON, now=START, schedule=SCHEDULE, chance=0.5)
    assert (parked.state, parked.reason) == (DeliveryState.PARKED, GONE_REASON)
    moved = told(a_delivery(), GONE, None, now=START, schedule=SCHEDULE, chance=0.5)
    assert (moved.state, moved.before) == (DeliveryState.RETRYING, 1)


def test_only_a_retrying_delivery_is_queued() -> None:
    """What has ended needs no message; what is retrying has one, hidden until it is due."""
    retrying = a_delivery(attempts=(MADE,), next_attempt=START + timedelta(seconds=5))
    assert next_retry(retrying, START) == (retry(2), timedelta(seconds=5))
    assert next_retry(retrying.ended(DeliveryState.PARKED, "why", now=START), START) is None


def test_what_a_newer_version_left_off_goes_on() -> None:
    """A message about a delivery in a state that is not known here leads to its attempt: it must not be the last."""
    held = a_delivery().model_copy(update={"state": "held"})
    assert later(retry(1), held, redelivered=False).effects == set(ORDER)
