"""
The log that counts: it adds up what units of work tell, and writes it to the process's own row now and then.

Adding takes a lock and some microseconds; the write happens in a thread of its own, so that neither Graph nor a unit of
work waits for it. While storage does not answer the process goes on counting and tries again. What a process had not
written when it was killed is lost: at most what `every` brings.
"""

import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta

from shared.domain.counting import counted
from shared.domain.errors import Changed
from shared.domain.tallies import Role, Tally, living, note, span_of
from shared.ports.machine import Clock, Randomness
from shared.ports.metrics import TallyStore

_EVERY = timedelta(seconds=10)
# These tell when a delivery is attempted again, and how old its event is.
_WAITING = frozenset({"delivery.attempted", "delivery.deferred"})
_LAST_WRITE_SECONDS = 2.0


class TallyLog:
    """Counts the events that `shared/domain/metrics.py` names; it never fails and never waits."""

    def __init__(
        self, store: TallyStore, clock: Clock, randomness: Randomness, role: Role, every: timedelta = _EVERY
    ) -> None:
        self._store = store
        self._clock = clock
        self._randomness = randomness
        self._role = role
        self._every = every.total_seconds()
        self._process = randomness.nonce()
        self._etag: str | None = None
        self._sums: dict[str, float] = {}
        self._written: dict[str, float] = {}
        self._gauges: dict[str, float] = {}
        self._waiting: dict[str, int] = {}
        self._due: threading.Timer | None = None
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def event(self, name: str, **fields: object) -> None:
        """Counts the event *name*."""
        added = list(counted(name, fields))
        waits = self._waits(fields) if name in _WAITING else None
        if not added and waits is None:
            return
        with self._lock:
            for series, amount in added:
                self._sums[series] = self._sums.get(series, 0) + amount
            if waits is not None:
                note(self._waiting, *waits)
            self._write_later()

    def problem(self, name: str, **fields: object) -> None:
        """Counts an event that an operator should look at."""
        self.event(name, **fields)

    def show(self, gauges: Mapping[str, float]) -> None:
        """Has *gauges* told from now on."""
        with self._lock:
            self._gauges = dict(gauges)
            self._write_later()

    def flush(self) -> None:
        """Writes what is new; where that fails, it is tried again later."""
        with self._writing:
            with self._lock:
                if self._due is None:
                    return
                self._due.cancel()
                self._due = None
            try:
                self._write()
            except Exception:  # noqa: BLE001  whatever storage did, counting goes on
                with self._lock:
                    self._write_later()

    def close(self) -> None:
        """Writes a last time, if that takes no longer than two seconds."""
        last = threading.Thread(target=self.flush, daemon=True)
        last.start()
        last.join(_LAST_WRITE_SECONDS)

    def _waits(self, fields: Mapping[str, object]) -> tuple[str, datetime] | None:
        """Returns the span in which a delivery is attempted again, and when its event was learned."""
        again, age = fields.get("next_attempt"), fields.get("age")
        if not isinstance(again, datetime) or not isinstance(age, int):
            return None
        now = self._clock.now()
        return span_of(again, now), now - timedelta(milliseconds=age)

    def _write(self) -> None:
        tally = self._snapshot()
        try:
            self._etag = self._store.write(tally, self._etag)
        except Changed:
            # Either a write of ours happened and its answer was lost, or the row was folded into the base.
            found = self._store.etag(self._process)
            if found is None and self._etag is not None:
                self._begin_anew()
            self._etag = found
            tally = self._snapshot()
            self._etag = self._store.write(tally, self._etag)
        self._written = tally.sums

    def _begin_anew(self) -> None:
        """Goes on in another row, with what the former one did not have."""
        with self._lock:
            self._process = self._randomness.nonce()
            for series, amount in self._written.items():
                self._sums[series] -= amount
            self._written = {}

    def _snapshot(self) -> Tally:
        with self._lock:
            now = self._clock.now()
            self._waiting = living(self._waiting, now)
            return Tally(
                process=self._process,
                role=self._role,
                updated=now,
                sums=dict(self._sums),
                gauges=dict(self._gauges),
                waiting=dict(self._waiting),
            )

    def _write_later(self) -> None:
        if self._due is None:
            self._due = threading.Timer(self._every, self.flush)
            self._due.daemon = True
            # A process that is ending starts no thread; `close` writes what there is.
            with suppress(RuntimeError):
                self._due.start()
