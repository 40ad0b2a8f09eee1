"""
The due index: what must happen at a moment that nobody calls us about.

Kept by the hour in which it is due, so that a tick reads what is due and never the accounts: with nothing due it costs
one query, however many accounts there are. An entry becomes a job; the job makes the next entry. Doing one twice does
no harm, so an entry goes only after its job is queued.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.models import Owned

_HOUR = timedelta(hours=1)


class DueKind(StrEnum):
    """What is due: a subscription's renewal, an account's sweep, or word that an application's credential expires."""

    RENEW = "renew"
    SWEEP = "sweep"
    EXPIRY = "expiry"


class Due(Owned):
    """An entry: *subject* is an account's key, `incarnation` the registration that is meant; or an application's id."""

    kind: DueKind
    subject: str
    at: datetime
    incarnation: str | None = None


class Heartbeat(Owned):
    """How far the ticks have come: everything that was due before `until` has become a job."""

    until: datetime


def hours(since: datetime, until: datetime) -> Iterator[datetime]:
    """Returns the beginning of each hour from that of *since* to that of *until*."""
    hour = since.replace(minute=0, second=0, microsecond=0)
    while hour <= until:
        yield hour
        hour += _HOUR
