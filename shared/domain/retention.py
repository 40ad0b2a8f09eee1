"""
Retention: what is kept in a month's table goes with that month, so what is new must not stand in an old one.

A message may have come years ago and be new to us (an import, an archive that is moved back). Its event stands near the
moment at which we learned of it; else the next purge would take a delivery that is still being retried.
"""

from datetime import datetime, timedelta

from shared.domain.moments import day_of

# How far from the moment at which we learned of it an event may stand; what is purged is older by as much.
LEEWAY = timedelta(days=7)


def near(moment: datetime, learned: datetime) -> datetime:
    """
    Returns *moment*, or the beginning of the day of *learned* where that is more than a week away.

    The day and not the moment, so that a duplicate lands on the same row.
    """
    if abs(moment - learned) <= LEEWAY:
        return moment
    return day_of(learned)


def purged_before(now: datetime, kept: timedelta) -> datetime:
    """Returns before what moment everything may go that is *kept* for so long."""
    return now - kept - LEEWAY
