"""
The due index: what must happen at a moment that nobody calls us about.

Kept by the hour in which it is due, so that a tick reads what is due and never the accounts: with nothing due it costs
a query or two, however many accounts there are. An entry becomes a job; the job makes the next entry. Doing one twice
does no harm, so an entry goes only after its job is queued.
"""

from datetime import datetime
from enum import StrEnum

from shared.domain.models import Carried, OrNewer


class DueKind(StrEnum):
    """What is due: a subscription's renewal, an account's sweep, or word that an application's credential expires."""

    RENEW = "renew"
    SWEEP = "sweep"
    EXPIRY = "expiry"


class Due(Carried):
    """An entry: *subject* is an account's key, `incarnation` the registration that is meant; or an application's id."""

    kind: OrNewer[DueKind]
    subject: str
    at: datetime
    incarnation: str | None = None


class Heartbeat(Carried):
    """
    How far the ticks have come: everything that was due before `until` has become a job.

    A tick that has something to queue is alone at it until `claimed`, and claims anew while it goes on.
    """

    until: datetime
    claimed: datetime | None = None

    def is_claimed(self, now: datetime) -> bool:
        """Tells whether a tick is under way."""
        return self.claimed is not None and self.claimed > now
