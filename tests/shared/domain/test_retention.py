"""Retention: what is new stands in no month that may go."""

from datetime import datetime, timedelta

import pytest

from shared.domain.retention import LEEWAY, near, purged_before
from tests.fakes.clock import START

DAY = START.replace(hour=0, minute=0)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("moment", "stands"),
    [
        (START, START),
        (START - LEEWAY, START - LEEWAY),
        (START - LEEWAY - SECOND, DAY),
        (START + LEEWAY + SECOND, DAY),
        (START.replace(year=1601), DAY),
    ],
)
def test_an_event_stands_near_its_learning(moment: datetime, stands: datetime) -> None:
    """An event keeps its moment where that is within a week, else it stands on the day on which we learned of it."""
    assert near(moment, START) == stands
    assert near(moment, START) >= purged_before(START, timedelta())
