"""The due index: the hours that a tick looks into."""

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.due import Due, DueKind, Heartbeat, hour_of, hours
from tests.factories import an_account
from tests.fakes.clock import START

HOUR = START.replace(minute=0)
STEPS = st.timedeltas(timedelta(), timedelta(days=3))


@pytest.mark.parametrize(
    ("until", "count"),
    [
        (START - timedelta(minutes=31), 0),
        (START - timedelta(minutes=30), 1),
        (START, 1),
        (START + timedelta(minutes=29, seconds=59), 1),
        (START + timedelta(minutes=30), 2),
        (START + timedelta(days=1), 25),
    ],
)
def test_every_hour_is_looked_into(until: datetime, count: int) -> None:
    """From the hour of the last tick to this one each hour comes once, in order, both ends included."""
    assert list(hours(START, until)) == [HOUR + timedelta(hours=number) for number in range(count)]


@given(STEPS, STEPS, STEPS)
def test_what_is_due_lies_in_an_hour_that_is_looked_into(since: timedelta, due: timedelta, rest: timedelta) -> None:
    """Whatever became due between two ticks stands in one of the hours between them."""
    first = START + since
    moment = first + due
    assert moment.replace(minute=0, second=0, microsecond=0) in list(hours(first, moment + rest))


def test_an_entry_is_read_back() -> None:
    """An entry and the ticks' progress survive their way through JSON."""
    entry = Due(kind=DueKind.SWEEP, subject=an_account().key, at=START, incarnation="incarnation-1")
    assert Due.model_validate_json(entry.model_dump_json()) == entry
    assert Heartbeat.model_validate_json(Heartbeat(until=START).model_dump_json()).until == START


def test_a_claim_ends_by_itself() -> None:
    """A heartbeat is claimed up to its moment and not from then on; one without a claim is free."""
    claimed = Heartbeat(until=START, claimed=START + timedelta(minutes=2))
    assert [claimed.is_claimed(START + timedelta(minutes=minutes)) for minutes in (0, 1, 2)] == [True, True, False]
    assert not Heartbeat(until=START).is_claimed(START)


def test_an_hour_is_one_of_utc() -> None:
    """An hour begins at its full hour of UTC, also where the moment was written half an hour off."""
    assert hour_of(START.astimezone(timezone(timedelta(hours=5, minutes=30)))) == HOUR
