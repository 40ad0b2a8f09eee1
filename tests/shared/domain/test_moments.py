"""Moments: how the API and the events spell them."""

from datetime import timedelta

import pytest

from shared.domain.moments import iso
from tests.fakes.clock import START


@pytest.mark.parametrize(("microseconds", "fraction"), [(0, "000"), (1, "000"), (123_999, "123"), (999_999, "999")])
def test_moments_are_written_as_emailengine_does(microseconds: int, fraction: str) -> None:
    """A moment has milliseconds, cut and never rounded up, and a Z."""
    assert iso(START + timedelta(microseconds=microseconds)) == f"2026-03-02T09:30:00.{fraction}Z"
