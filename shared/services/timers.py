"""
Timers: what is due becomes jobs.

A tick reads the hours since the last one and nothing else. Its heartbeat tells how far it came; where the platform's
timer has died (it has, after deployments), whoever calls the API or sends a notification makes the tick instead.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.domain.due import Due, DueKind, Heartbeat, hours
from shared.domain.jobs import Job, JobKind
from shared.ports.machine import Clock, Log, Randomness
from shared.ports.queues import JobQueue
from shared.ports.state import DueStore
from shared.services.lookups import Lookup

# An entry may have been written by a machine whose clock is behind.
_OVERLAP = timedelta(minutes=10)
# Before the first tick ever, and after an outage longer than any that we can make good.
_FIRST = timedelta(days=7)
_PAGE = 1000
_STALE = timedelta(minutes=20)
# Before the first tick; a value, so that its absence is not asked for at every call.
NEVER = Heartbeat(until=datetime.min.replace(tzinfo=UTC))
_KINDS = {DueKind.RENEW: JobKind.RENEW, DueKind.SWEEP: JobKind.SWEEP, DueKind.EXPIRY: JobKind.EXPIRY}


@dataclass(frozen=True)
class Timers:
    """Ticks. `spread` is how far apart the jobs of one tick are put, so that they do not all call Graph at once."""

    due: DueStore
    jobs: JobQueue
    heartbeat: Lookup[Heartbeat]
    clock: Clock
    randomness: Randomness
    log: Log
    spread: timedelta

    def tick(self) -> int:
        """Queues a job for everything that is due and returns how many there were."""
        now = self.clock.now()
        last = self.due.heartbeat()
        since = max(last.until - _OVERLAP, now - _FIRST) if last else now - _FIRST
        queued = sum(self._hour(hour, now) for hour in hours(since, now))
        self.due.beat(Heartbeat(until=now))
        self.heartbeat.forget("")
        self.log.event("timers.ticked", queued=queued, since=since)
        return queued

    def age(self) -> timedelta | None:
        """Returns how long ago the last tick was, as far as this process knows; None before the first."""
        last = self.heartbeat.get("")
        return None if last == NEVER else self.clock.now() - last.until

    def repair(self) -> None:
        """Ticks where the last tick is so long ago that the timer must be dead."""
        age = self.age()
        if age is not None and age > _STALE:
            self.log.problem("timers.stale", age=age.total_seconds())
            self.tick()

    def _hour(self, hour: datetime, now: datetime) -> int:
        queued = 0
        while entries := self.due.within(hour, now, _PAGE):
            for entry in entries:
                self._queue(entry)
            # Only now: a crash in between makes a job twice, and the other order could lose it.
            self.due.remove(entries)
            queued += len(entries)
            if len(entries) < _PAGE:
                break
        return queued

    def _queue(self, entry: Due) -> None:
        of_app = entry.kind is DueKind.EXPIRY
        job = Job(
            kind=_KINDS[entry.kind],
            account="" if of_app else entry.subject,
            app=entry.subject if of_app else None,
            incarnation=entry.incarnation,
            at=entry.at,
        )
        self.jobs.put(job, self.spread * self.randomness.fraction())
