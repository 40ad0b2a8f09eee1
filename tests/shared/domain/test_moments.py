"""Moments: how the API and the events spell them."""

from datetime import timedelta

import pytest

from shared.domain.moments import day_of, iso
from tests.fakes.clock import START


@pytest.mark.parametrize(("microseconds", "fraction"), [(0, "000"), (1, "000"), (123_999, "123"), (999_999, "999")])
def test_moments_are_written_as_emailengine_does(microseconds: int, fraction: str) -> None:
    """A moment has milliseconds, cut and never rounded up, and a Z."""
    assert iso(START + timedelta(microseconds=microseconds)) == f"2026-03-02T09:30:00.{fraction}Z"


def test_a_day_begins_at_midnight() -> None:
    """Every moment of a day leads to its beginning, in the same zone."""
    begins = START.replace(hour=0, minute=0)
    assert {day_of(begins + timedelta(hours=hours, microseconds=1)) for hours in range(24)} == {begins}
