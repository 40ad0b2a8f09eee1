"""The timetable: what comes back, when it comes back, and that not all come back together."""

from datetime import timedelta

import pytest

from sidecar.timetable import Pace, Timetable

PACE = Pace(poll=100, scan=200, full=1000)
NOW = 5000.0


def begun() -> Timetable:
    """Return the timetable of a mailbox that was just opened, with an hour's token."""
    due = Timetable(PACE)
    due.begin(NOW)
    due.expire(NOW, timedelta(hours=1))
    return due


def test_before_it_is_opened_all_is_due() -> None:
    """A mailbox that was never looked at waits for nothing."""
    assert Timetable(PACE).wait(NOW) == 0


def test_mailboxes_that_open_together_drift_apart() -> None:
    """Waits vary by a tenth; all flags are read for the first time at any moment of their hour."""
    many = [begun() for _ in range(200)]
    assert all(90 <= due.poll - NOW <= 110 and 180 <= due.scan - NOW <= 220 for due in many)
    assert all(0 <= due.full - NOW <= 1000 for due in many)
    assert len({due.poll for due in many}) > 1
    assert len({due.full for due in many}) > 1


def test_who_is_stirred_looks_now() -> None:
    """A stir has folders and flags looked at, and leaves the rest as planned."""
    due = begun()
    full, renew = due.full, due.renew
    due.stir(NOW + 1)
    assert (due.wait(NOW + 1), due.full, due.renew) == (0, full, renew)


def test_only_what_was_done_is_planned_anew() -> None:
    """What was not done stays due."""
    due = Timetable(PACE)
    due.done(NOW, scan=True)
    assert due.scan > NOW
    assert (due.poll, due.full) == (0, 0)


@pytest.mark.parametrize(
    ("left", "wait"),
    [(timedelta(minutes=20), 1020), (timedelta(minutes=80), 4260), (timedelta(seconds=1), 1), (-timedelta(hours=1), 1)],
)
def test_connections_are_renewed_before_their_token_ends(left: timedelta, wait: float) -> None:
    """A share of a token's life before its end, nine minutes at most, and never at once over and over."""
    due = Timetable(PACE)
    due.expire(NOW, left)
    assert due.renew == NOW + wait


@pytest.mark.parametrize(("left", "wait"), [(timedelta(hours=1), 30), (timedelta(seconds=5), 5), (timedelta(), 1)])
def test_a_renewal_that_brought_nothing_new_is_tried_again(left: timedelta, wait: float) -> None:
    """Where the token is still the same, the next attempt comes in half a minute, or when the token ends."""
    due = Timetable(PACE)
    due.renew_again(NOW, left)
    assert due.renew == NOW + wait
