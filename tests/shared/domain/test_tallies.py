"""Tallies: sums that hold, and the oldest event that waits."""

from datetime import timedelta

import pytest

from shared.domain.tallies import Role, Tally, folded, living, note, oldest, span_of, total
from tests.fakes.clock import START

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def waiting(*events: tuple[timedelta, timedelta]) -> Tally:
    """Return a tally of events: when each is attempted again from START, and how long ago it was learned."""
    spans: dict[str, int] = {}
    for again, age in events:
        note(spans, span_of(START + again, START), START - age)
    return Tally(process="a", updated=START, waiting=spans)


def test_folding_changes_no_sum() -> None:
    """The sums of the base and the rows are the same before and after; the base remembers who was seen."""
    tallies = [
        Tally(process="a", updated=START, sums={"events": 2, "of_a_newer_version": 1}),
        Tally(process="b", role=Role.SIDECAR, updated=START + MINUTE, sums={"events": 3}, gauges={"g": 1}),
    ]
    base = folded(None, tallies, now=START + HOUR)
    again = folded(base, tallies[:1], now=START + 2 * HOUR)
    assert total([base]) == total(tallies) == {"events": 5, "of_a_newer_version": 1}
    assert again.sums["events"] == 7
    assert (base.gauges, base.seen) == ({}, {"app": START, "sidecar": START + MINUTE})
    assert again.seen == base.seen


def test_a_row_goes_after_an_hour() -> None:
    """A process that has written within the hour is not silent."""
    tally = Tally(process="a", updated=START)
    assert not tally.is_silent(START + HOUR)
    assert tally.is_silent(START + HOUR + MINUTE)


def test_the_oldest_is_of_what_still_waits() -> None:
    """The oldest event is that of all whose next attempt is not over; the base's too."""
    young, old = waiting((MINUTE, MINUTE)), waiting((3 * HOUR, 5 * HOUR), (3 * HOUR, HOUR))
    same = waiting((3 * HOUR, 2 * HOUR))
    for several in ([young, old, same], [same, old, young]):
        assert oldest(several, START) == START - 5 * HOUR
    assert oldest([young, folded(None, [old], now=START)], START) == START - 5 * HOUR
    assert oldest([], START) is None


@pytest.mark.parametrize(
    ("again", "most"), [(MINUTE, 11 * MINUTE), (30 * MINUTE, 10 * MINUTE), (9 * HOUR, 65 * MINUTE)]
)
def test_it_is_forgotten_soon_after_its_attempt(again: timedelta, most: timedelta) -> None:
    """Until its next attempt an event is known to wait; minutes after it no more, an hour where that was far away."""
    tally = waiting((again, HOUR))
    assert oldest([tally], START + again) == START - HOUR
    assert oldest([tally], START + again + most) is None


def test_what_is_over_goes() -> None:
    """Spans that are over are dropped, so that a row stays small whatever its process does."""
    tally = waiting(*((number * MINUTE, HOUR) for number in range(1, 29 * 60)))
    assert len(tally.waiting) <= 42
    assert living(tally.waiting, START + 30 * HOUR) == {}
