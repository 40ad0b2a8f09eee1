"""What processes counted, and the queues as seen from outside, in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Lock

from shared.domain.census import Census
from shared.domain.errors import Changed
from shared.domain.tallies import Tally
from shared.ports.metrics import Ledger
from shared.ports.records import Stored
from tests.fakes.stores import Records

_BASE = "base"


class FakeMetricsStore:
    """Keeps tallies and the census; `writes` counts what processes wrote."""

    def __init__(self) -> None:
        self._tallies = Records[Tally]()
        self._census: Census | None = None
        self._lock = Lock()
        self.writes = 0

    def write(self, tally: Tally, etag: str | None) -> str:
        """Overwrite a tally."""
        self.writes += 1
        name = f"p-{tally.process}"
        stored = self._tallies.add(name, tally) if etag is None else self._tallies.swap(name, tally, etag)
        return stored.etag

    def etag(self, process: str) -> str | None:
        """Return a row's ETag."""
        stored = self._tallies.read(f"p-{process}")
        return stored.etag if stored else None

    def read(self) -> Ledger:
        """Return all of it."""
        with self._lock:
            found = {name: self._tallies.read(name) for name, _ in self._tallies.sorted()}
            rows = [stored for name, stored in found.items() if stored is not None and name != _BASE]
            return Ledger(self._tallies.read(_BASE), rows, self._census)

    def fold(self, base: Tally, etag: str | None, gone: Sequence[Stored[Tally]]) -> None:
        """Write the base and remove tallies."""
        with self._lock:
            known = self._tallies.read(_BASE)
            if (known.etag if known else None) != etag or any(
                self.etag(each.value.process) != each.etag for each in gone
            ):
                raise Changed("One of them is another one now.")
            self._tallies.write(_BASE, base)
            for each in gone:
                self._tallies.remove(f"p-{each.value.process}")

    def keep(self, census: Census) -> None:
        """Overwrite the census."""
        self._census = census


class FakeQueueGauge:
    """Says what a test set."""

    def __init__(self) -> None:
        queues = ("changes", "retries", "jobs")
        self.on: dict[str, int] = {name: 0 for queue in queues for name in (queue, f"{queue}-poison")}
        self.next: datetime | None = None

    def depths(self) -> Mapping[str, int]:
        """Return how many messages there are."""
        return dict(self.on)

    def front(self) -> datetime | None:
        """Return when the next message was queued."""
        return self.next
