"""Where processes write what they counted, and what a scrape looks at besides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.domain.census import Census
from shared.domain.tallies import Tally
from shared.ports.records import Stored


class TallyStore(Protocol):
    """Keeps a process's own tally."""

    def write(self, tally: Tally, etag: str | None) -> str:
        """
        Overwrites the tally that this process wrote with *etag*, None where it is the first, and returns the new ETag.

        Raises Changed where the row is another one now, or gone.
        """

    def etag(self, process: str) -> str | None:
        """Returns the ETag of the process's row as it is now; None where there is none."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """All that was counted, as it was at one moment."""

    base: Stored[Tally] | None
    tallies: Sequence[Stored[Tally]]
    census: Census | None


class LedgerStore(Protocol):
    """Keeps what all processes counted."""

    def read(self) -> Ledger:
        """Returns all of it, with one query where fewer than a thousand processes wrote."""

    def fold(self, base: Tally, etag: str | None, gone: Sequence[Stored[Tally]]) -> None:
        """
        Writes *base* and removes the tallies that are in it, at most 99; all of it happens, or nothing.

        Raises Changed where the base or one of them is another one now.
        """

    def keep(self, census: Census) -> None:
        """Overwrites the census."""


class QueueGauge(Protocol):
    """Looks at the queues from outside."""

    def depths(self) -> Mapping[str, int]:
        """Returns about how many messages are on each queue, hidden ones too, and those of poison (`jobs-poison`)."""

    def front(self) -> datetime | None:
        """Returns when the message was queued that is next in `changes` or `retries`; None where none is ready."""


class Gauges(Protocol):
    """Shows what this process sees now."""

    def show(self, gauges: Mapping[str, float]) -> None:
        """Has *gauges*, by series, told from now on; they are forgotten minutes after the last call."""
