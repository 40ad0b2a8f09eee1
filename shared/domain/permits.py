"""
Permits: which processes may read a crowded mailbox now.

Graph allows an application four requests to a mailbox at a time, over all our processes; each process makes one. Three
places are for those that read what is crowded, the fourth for whatever else comes: reads of uncrowded moments, sweeps,
probes.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from shared.domain.models import Carried

PLACES = 3
VALID = timedelta(seconds=30)
# A read that has begun must have ended when the permit does: it waits for its turn, and then for Graph.
_ENOUGH = timedelta(seconds=15)
# A permit is over when every process thinks so, and their clocks differ.
_CLOCK_SKEW = timedelta(seconds=5)


class Permit(Carried):
    """Says that the process *holder* may read a mailbox until a moment; a place that was given back has no holder."""

    mailbox: str
    place: int
    holder: str
    until: datetime

    @property
    def last_start(self) -> datetime:
        """The moment after which no read should begin without another permit."""
        return self.until - _ENOUGH


def available(mailbox: str, permits: Iterable[Permit], holder: str, now: datetime) -> list[int]:
    """Returns the places of a mailbox that *holder* may take, its own first; *permits* are all there are of it."""
    held = {permit.place: permit for permit in permits if permit.mailbox == mailbox}
    own = [place for place, permit in held.items() if permit.holder == holder]
    free = [place for place in range(PLACES) if place not in held or not held[place].holder]
    lapsed = [place for place, permit in held.items() if permit.until + _CLOCK_SKEW <= now]
    return [*own, *free, *(place for place in lapsed if place not in (*own, *free))]
