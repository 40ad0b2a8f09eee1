"""
Expiries: when word goes out that an application's credential expires.

Four notices lead to its end, and each is told once. Where several are due together (the date was given late, or nobody
ticked), only the newest is told: the others say what is no longer true.
"""

from datetime import datetime, timedelta
from math import ceil

from shared.domain.models import Carried

_DAY = timedelta(days=1)
# How many days before the end each notice is due.
NOTICES = (30, 7, 1, 0)


class Notice(Carried):
    """A notice: the one that is due `ahead` days before the end, told with the moment `at`."""

    ahead: int
    at: datetime


def due_notice(expires: datetime, told: Notice | None, *, asked: datetime, now: datetime) -> Notice | None:
    """
    Returns the newest notice that is due at *now*, unless it was *told*.

    Its moment is its own, or the later one at which it was *asked* for: a repetition of the same job makes it again.
    """
    due = [ahead for ahead in NOTICES if _moment(expires, ahead) <= now]
    if not due or (told is not None and told.ahead <= min(due)):
        return None
    return Notice(ahead=min(due), at=max(asked, _moment(expires, min(due))))


def next_moment(expires: datetime, now: datetime) -> datetime | None:
    """Returns the moment of the first notice after *now*, or None after the last."""
    return min((moment for ahead in NOTICES if (moment := _moment(expires, ahead)) > now), default=None)


def days_left(expires: datetime, at: datetime) -> int:
    """Returns how many days were left at *at*, a part of a day counting as one: 0 says that it has expired."""
    return max(ceil((expires - at) / _DAY), 0)


def _moment(expires: datetime, ahead: int) -> datetime:
    return expires - ahead * _DAY
