"""Expiries: four notices before the end, the newest only, each once."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.expiries import NOTICES, Notice, days_left, due_notice, next_moment
from tests.fakes.clock import START

DAY = timedelta(days=1)
MOMENTS = st.timedeltas(-40 * DAY, 10 * DAY)


@pytest.mark.parametrize(
    ("days", "ahead"), [(30.1, None), (30, 30), (7.1, 30), (7, 7), (1.1, 7), (1, 1), (0.1, 1), (0, 0), (-100, 0)]
)
def test_the_newest_notice_is_due(days: float, ahead: int | None) -> None:
    """Of the notices whose moment has come the newest is due, and before the first there is none."""
    notice = due_notice(START + days * DAY, None, asked=START, now=START)
    assert (notice.ahead if notice else None) == ahead


@pytest.mark.parametrize("told", NOTICES)
def test_a_notice_is_due_once(told: int) -> None:
    """What was told, or is older than what was told, is not due again; what comes after it is."""
    for ahead in NOTICES:
        notice = due_notice(START + ahead * DAY, Notice(ahead=told, at=START), asked=START, now=START)
        assert (notice is not None) == (ahead < told)


def test_a_repetition_makes_the_same_notice() -> None:
    """A notice keeps its moment however late it is looked at: its own, or the later one at which it was asked for."""
    expires = START + 7 * DAY
    for late in (timedelta(), timedelta(hours=5)):
        assert due_notice(expires, None, asked=START, now=START + late) == Notice(ahead=7, at=START)
        asked = START + timedelta(hours=1)
        assert due_notice(expires, None, asked=asked, now=asked + late) == Notice(ahead=7, at=asked)
    early = due_notice(expires, None, asked=START - DAY, now=START)
    assert early == Notice(ahead=7, at=START)


@given(MOMENTS)
def test_the_notices_follow_each_other(now: timedelta) -> None:
    """From any moment on, each next moment makes one notice due that was not before, down to the end and no further."""
    moment, told = START + now, due_notice(START, None, asked=START + now, now=START + now)
    while (following := next_moment(START, moment)) is not None:
        assert due_notice(START, told, asked=moment, now=following - timedelta(microseconds=1)) is None
        notice = due_notice(START, told, asked=moment, now=following)
        assert notice is not None
        assert notice.at == following
        moment, told = following, notice
    assert told is not None
    assert told.ahead == 0


@pytest.mark.parametrize(("left", "days"), [(30 * DAY, 30), (29.01 * DAY, 30), (0.5 * DAY, 1), (0 * DAY, 0), (-DAY, 0)])
def test_days_are_counted_up(left: timedelta, days: int) -> None:
    """A part of a day counts as one, so that 0 says that the credential has expired."""
    assert days_left(START + left, START) == days
