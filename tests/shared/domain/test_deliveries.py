"""Deliveries: the state machine, its waits, and what the API shows."""

from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.deliveries import (
    Attempt,
    Delivery,
    DeliveryKey,
    DeliveryState,
    Outcome,
    Retry,
    parse_delivery_id,
    read_retry_after,
    view,
)
from tests.factories import EVENT, HOOK, a_delivery, a_delivery_key, an_outcome
from tests.fakes.clock import START

DAY = timedelta(hours=24)
# Standard Webhooks' own schedule: https://github.com/standard-webhooks/standard-webhooks
SCHEDULE = tuple(timedelta(seconds=wait) for wait in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
CHANCE = st.floats(0, 1)
RETRY_AFTER = st.none() | st.integers(0, 10**12).map(str) | st.text(max_size=20)
OUTCOMES = st.builds(
    Outcome,
    status=st.none() | st.integers(100, 599),
    error=st.none() | st.just("timeout"),
    retry_after=RETRY_AFTER,
    milliseconds=st.integers(0, 30_000),
)
SCHEDULES = st.lists(st.integers(1, 518_400).map(lambda wait: timedelta(seconds=wait)), min_size=1, max_size=12)


def after(outcome: Outcome, *, attempts: int = 0, chance: float = 0.5) -> Delivery:
    """Return a delivery with *attempts* behind it after one more."""
    made = tuple(Attempt(number=number + 1, at=START, milliseconds=1) for number in range(attempts))
    return a_delivery(attempts=made).attempted(outcome, now=START, schedule=SCHEDULE, chance=chance)


def wait(outcome: Outcome, *, attempts: int = 0, chance: float = 0.5) -> timedelta:
    """Return how long a delivery waits after *outcome*."""
    moment = after(outcome, attempts=attempts, chance=chance).next_attempt
    assert moment is not None
    return moment - START


@given(SCHEDULES, st.lists(st.tuples(OUTCOMES, CHANCE), min_size=13, max_size=13))
def test_every_delivery_comes_to_an_end(schedule: list[timedelta], happening: list[tuple[Outcome, float]]) -> None:
    """Whatever receivers answer: attempts never exceed the schedule, no wait is under 0.8 of it, and an end is one."""
    delivery, now = a_delivery(), START
    for outcome, chance in happening:
        planned = schedule[len(delivery.attempts)] if len(delivery.attempts) < len(schedule) else None
        delivery = delivery.attempted(outcome, now=now, schedule=tuple(schedule), chance=chance)
        assert [attempt.number for attempt in delivery.attempts] == list(range(1, len(delivery.attempts) + 1))
        assert (delivery.state is DeliveryState.DELIVERED) == outcome.delivered
        if delivery.state is not DeliveryState.RETRYING:
            break
        assert planned is not None
        assert delivery.next_attempt is not None
        assert 0.8 * planned <= delivery.next_attempt - now <= max(1.2 * planned, DAY)
        now = delivery.next_attempt
    assert delivery.state is not DeliveryState.RETRYING
    assert delivery.next_attempt is None
    assert len(delivery.attempts) <= len(schedule) + 1


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (an_outcome(200), DeliveryState.DELIVERED, None),
        (an_outcome(299), DeliveryState.DELIVERED, None),
        (an_outcome(301), DeliveryState.RETRYING, None),
        (an_outcome(400), DeliveryState.RETRYING, None),
        (an_outcome(500), DeliveryState.RETRYING, None),
        (an_outcome(None, error="timeout"), DeliveryState.RETRYING, None),
        (an_outcome(410), DeliveryState.PARKED, "The endpoint answered 410 Gone and was disabled."),
    ],
)
def test_what_an_answer_means(outcome: Outcome, state: DeliveryState, reason: str | None) -> None:
    """Only a 2xx is a success, 410 parks, and all else is tried again; the attempt tells how it went."""
    delivery = after(outcome)
    assert (delivery.state, delivery.reason) == (state, reason)
    assert delivery.attempts == (
        Attempt(number=1, at=START, milliseconds=12, status=outcome.status, error=outcome.error),
    )


def test_the_schedule_ends() -> None:
    """The attempt after the last wait is the last, and the reason counts them."""
    last = after(an_outcome(), attempts=9)
    assert (last.state, last.reason, last.next_attempt) == (DeliveryState.FAILED, "All 10 attempts failed.", None)
    assert after(an_outcome(), attempts=8).state is DeliveryState.RETRYING


@pytest.mark.parametrize(
    ("outcome", "attempts", "chance", "waits"),
    [
        (an_outcome(), 1, 0.0, timedelta(seconds=240)),
        (an_outcome(), 1, 0.5, timedelta(seconds=300)),
        (an_outcome(), 1, 1.0, timedelta(seconds=360)),
        (an_outcome(429), 0, 0.0, timedelta(seconds=60)),
        (an_outcome(503), 0, 0.0, timedelta(seconds=60)),
        (an_outcome(503), 1, 0.0, timedelta(seconds=240)),
        (an_outcome(429, retry_after="120"), 0, 0.5, timedelta(seconds=120)),
        (an_outcome(500, retry_after="120"), 0, 0.5, timedelta(seconds=120)),
        (an_outcome(429, retry_after="1"), 1, 0.5, timedelta(seconds=300)),
        (an_outcome(429, retry_after="999999999999"), 0, 0.5, DAY),
    ],
)
def test_how_long_it_waits(outcome: Outcome, attempts: int, chance: float, waits: timedelta) -> None:
    """Waits vary by 20 %, spare who is overloaded a minute, and heed `Retry-After` where it is longer, for a day."""
    assert abs(wait(outcome, attempts=attempts, chance=chance) - waits) < timedelta(milliseconds=1)


@given(st.text() | st.integers().map(str) | st.datetimes().map(format_datetime))
@example("Mon, 02 Mar 2026 09:30:00")
@example("9" * 5000)
@example("Mon, 01 Jan 2024 00:00:00 +99999999999999999")
@example("Mon, 01 Jan 99999999999999999999 00:00:00 GMT")
def test_any_retry_after_is_read(value: str) -> None:
    """A `Retry-After` of any shape is a wait or none, never an error and never negative."""
    asked = read_retry_after(value, START)
    assert asked is None or asked >= timedelta()


@pytest.mark.parametrize(
    ("value", "asked"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("0", timedelta()),
        (" 90 ", timedelta(seconds=90)),
        ("Mon, 02 Mar 2026 09:31:30 GMT", timedelta(seconds=90)),
        ("Mon, 02 Mar 2026 10:31:30 +0100", timedelta(seconds=90)),
        ("Mon, 02 Mar 2026 09:00:00 GMT", timedelta()),
    ],
)
def test_what_a_retry_after_asks_for(value: str | None, asked: timedelta | None) -> None:
    """Seconds and dates are understood; what is past asks for no wait, and anything else for nothing."""
    assert read_retry_after(value, START) == asked


def test_put_off_is_no_attempt() -> None:
    """A delivery whose webhook is busy waits without using up its schedule."""
    put_off = a_delivery().deferred(now=START, wait=timedelta(seconds=3))
    assert (put_off.state, put_off.attempts) == (DeliveryState.RETRYING, ())
    assert put_off.next_attempt == START + timedelta(seconds=3)


def test_ended_is_told_with_its_reason() -> None:
    """A delivery that ends without an attempt says why and waits for nothing."""
    ended = after(an_outcome()).ended(DeliveryState.DISCARDED, "The webhook was removed.", now=START)
    assert (ended.state, ended.reason, ended.next_attempt) == (
        DeliveryState.DISCARDED,
        "The webhook was removed.",
        None,
    )
    assert len(ended.attempts) == 1


WEBHOOKS = st.sampled_from(["default", "account-abcdefghijklmnopqrstuvwxyz"])


@given(WEBHOOKS, st.integers(0, 10**13), st.uuids().map(str))
def test_an_id_leads_back_to_its_delivery(webhook: str, moment: int, event_id: str) -> None:
    """A delivery's id at the API names its webhook, moment and event."""
    key = DeliveryKey(webhook=webhook, moment=moment, event_id=event_id)
    assert parse_delivery_id(key.id) == key


@pytest.mark.parametrize("text", ["", "1", "1_default", "1_default_", "1__e", "_default_e", "x_default_e", "1_a_b_c"])
def test_other_ids_lead_nowhere(text: str) -> None:
    """A text that is no delivery's id is told apart."""
    assert parse_delivery_id(text) is None


def test_a_delivery_is_shown_with_its_attempts() -> None:
    """The API tells a delivery's state and attempts, with moments in UTC, and not its payload."""
    shown = view(after(an_outcome(503)))
    assert shown == {
        "id": f"1772443800000_default_{EVENT}",
        "webhook": "default",
        "url": HOOK,
        "account": "anna",
        "event": "messageNew",
        "eventId": EVENT,
        "state": "retrying",
        "reason": None,
        "created": "2026-03-02T09:30:00.000Z",
        "updated": "2026-03-02T09:30:00.000Z",
        "nextAttempt": "2026-03-02T09:31:00.000Z",
        "attempts": [
            {"number": 1, "at": "2026-03-02T09:30:00.000Z", "duration": 12, "status": 503, "error": None},
        ],
        "payloadSize": 2,
        "payloadExpires": "2026-03-16T09:30:00.000Z",
    }


def test_a_retry_is_read_back_and_small() -> None:
    """A message of the queue `retries` survives it, and carries keys rather than mail."""
    retry = Retry(delivery=a_delivery_key(), number=2)
    assert Retry.model_validate_json(retry.model_dump_json()) == retry
    assert len(retry.model_dump_json()) < 300
