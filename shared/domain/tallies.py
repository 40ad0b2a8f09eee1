"""
Tallies: what each process has counted, so that a scraper sees sums that hold although processes come and go.

Every process writes a row of its own, and nobody else does. Rows of processes that are silent are folded into the base,
in one transaction with their ETags: a sum is in a row or in the base, and never in both. A process that was folded and
counts again finds its row gone and begins another, with what it had not written yet.

Beside its sums a tally holds what its process knows of events that wait: for each span of time in which some are
attempted again, when the oldest of them was learned. So the oldest undelivered event is known without a scan.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import Field

from shared.domain.models import Carried

# Sooner, and a scrape reads fewer rows; a process that is folded too early begins another row.
SILENT = timedelta(hours=1)
# A queue hands out what is due a little late.
_GRACE = timedelta(minutes=5)
_NEAR, _FAR = timedelta(minutes=5), timedelta(hours=1)


class Role(StrEnum):
    """What a process is."""

    APP = "app"
    SIDECAR = "sidecar"


class Tally(Carried):
    """
    What a process counted: sums by series, and what it sees now (`gauges`), which is true for a few minutes.

    `waiting` names spans by the Unix second of their end, and for each the Unix second at which its oldest event was
    learned. The base has no process and no gauges, but `seen`, when a process of a role wrote last.
    """

    process: str = ""
    role: Role = Role.APP
    updated: datetime
    sums: dict[str, float] = Field(default_factory=dict)
    gauges: dict[str, float] = Field(default_factory=dict)
    waiting: dict[str, int] = Field(default_factory=dict)
    seen: dict[str, datetime] = Field(default_factory=dict)

    def is_silent(self, now: datetime) -> bool:
        """Tells whether the process has counted nothing for so long that its row may go."""
        return now - self.updated > SILENT


def folded(base: Tally | None, tallies: Iterable[Tally], *, now: datetime) -> Tally:
    """Returns the base with the *tallies* in it; what waited for a span that is over is forgotten."""
    former = base or Tally(updated=now)
    several = (former, *tallies)
    seen = dict(former.seen)
    for each in several[1:]:
        seen[each.role] = max(each.updated, seen.get(each.role, each.updated))
    return former.model_copy(
        update={"updated": now, "sums": total(several), "waiting": living(_earliest(several), now), "seen": seen}
    )


def total(tallies: Iterable[Tally]) -> dict[str, float]:
    """Returns the sums of all of them, by series."""
    sums: dict[str, float] = {}
    for tally in tallies:
        for name, amount in tally.sums.items():
            sums[name] = sums.get(name, 0) + amount
    return sums


def span_of(attempt: datetime, now: datetime) -> str:
    """Returns the span in which *attempt* is: of five minutes, or of an hour where it is more than an hour away."""
    width = int((_NEAR if attempt - now <= _FAR else _FAR).total_seconds())
    return str((int(attempt.timestamp()) // width + 1) * width)


def note(waiting: dict[str, int], span: str, learned: datetime) -> None:
    """Adds to *waiting* an event that is attempted again in *span*."""
    moment = int(learned.timestamp())
    waiting[span] = min(moment, waiting.get(span, moment))


def living(waiting: Mapping[str, int], now: datetime) -> dict[str, int]:
    """Returns the spans that are not over; who waited in the others was attempted, and is in a later one if need be."""
    since = (now - _GRACE).timestamp()
    return {span: learned for span, learned in waiting.items() if int(span) > since}


def oldest(tallies: Iterable[Tally], now: datetime) -> datetime | None:
    """Returns when the oldest event that waits was learned; it may have been delivered within the last hour."""
    moments = living(_earliest(tallies), now).values()
    return datetime.fromtimestamp(min(moments), UTC) if moments else None


def _earliest(tallies: Iterable[Tally]) -> dict[str, int]:
    waiting: dict[str, int] = {}
    for tally in tallies:
        for span, learned in tally.waiting.items():
            waiting[span] = min(learned, waiting.get(span, learned))
    return waiting
