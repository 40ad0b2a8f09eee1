"""Permits: which places may be taken."""

from datetime import timedelta

import pytest

from shared.domain.permits import VALID, Permit, available
from tests.fakes.clock import START

SECOND = timedelta(seconds=1)


def held(place: int, holder: str, until: timedelta = VALID) -> Permit:
    """Return a permit for a place."""
    return Permit(mailbox="ada", place=place, holder=holder, until=START + until)


def test_three_places_have_three_holders() -> None:
    """Places that nobody has are free, up to three; where others have them all, there is none."""
    assert available("ada", [], "us", START) == [0, 1, 2]
    assert available("ada", [held(0, "a"), held(2, "b")], "us", START) == [1]
    assert available("ada", [held(place, "other") for place in range(3)], "us", START) == []


def test_what_was_given_back_is_free() -> None:
    """A place without a holder may be taken at once, and our own again before any other."""
    assert available("ada", [held(0, "a"), held(1, ""), held(2, "us")], "us", START) == [2, 1]


@pytest.mark.parametrize(("late", "places"), [(0, []), (4, []), (5, [1])])
def test_a_permit_ends_for_others_a_little_later(late: int, places: list[int]) -> None:
    """A place whose holder died may be taken when its time is over by every clock, those that are late too."""
    permits = [held(0, "a"), held(1, "b", timedelta()), held(2, "c")]
    assert available("ada", permits, "us", START + late * SECOND) == places


def test_no_read_begins_shortly_before_the_end() -> None:
    """The last moment to begin leaves time for a read to end."""
    assert held(0, "us").until - held(0, "us").last_start >= 10 * SECOND
