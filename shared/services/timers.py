"""
Timers: what is due becomes jobs.

A tick reads what became due since the last one and nothing else. Its heartbeat tells how far it came; where the
platform's timer has died (it has, after deployments), whoever calls the API or sends a notification makes the tick.

A page of the index is queued and then removed, so a tick that dies has the next one go on at its page. Ticks that meet
do no harm, but each would queue everything: whoever has something to queue claims the heartbeat first, and claims it
anew with each page. With nothing due, nothing is claimed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.domain.due import Due, DueKind, Heartbeat
from shared.domain.errors import Changed
from shared.domain.jobs import Job
from shared.ports.machine import Machine
from shared.ports.queues import JobQueue
from shared.ports.state import DueStore
from shared.services.lookups import Lookup

# An entry may have been written by a machine whose clock is behind.
_OVERLAP = timedelta(minutes=10)
# Before the first tick ever.
_FIRST = timedelta(days=7)
_PAGE = 1000
# As many jobs as one taker does in some seconds: each message costs a put, a delivery and a deletion, however full.
TOGETHER = 20
# Longer than a page takes; a tick that was killed holds up the next one for no longer.
_CLAIM = timedelta(minutes=2)
_STALE = timedelta(minutes=20)
# Before the first tick; a value, so that its absence is not asked for at every call.
NEVER = Heartbeat(until=datetime.min.replace(tzinfo=UTC))


@dataclass(frozen=True)
class Timers:
    """Ticks. `spread` is how far apart the jobs of one tick are put, so that they do not all call Graph at once."""

    due: DueStore
    jobs: JobQueue
    heartbeat: Lookup[Heartbeat]
    machine: Machine
    spread: timedelta

    def tick(self) -> int:
        """Queues a job for everything that is due and returns how many there were; none where another tick is at it."""
        now = self.machine.clock.now()
        stored = self.due.heartbeat()
        if stored is not None and stored.value.is_claimed(now):
            self.machine.log.event("timers.overtaken", queued=0)
            return 0
        # However long ago: an account whose entry nobody reads is neither swept nor renewed ever again.
        since = stored.value.until - _OVERLAP if stored else now - _FIRST
        turn = _Turn(self.due, stored.value if stored else Heartbeat(until=since), stored.etag if stored else None)
        queued = 0
        try:
            while entries := self.due.within(since, now, _PAGE):
                turn.claim(self.machine.clock.now() + _CLAIM)
                for start in range(0, len(entries), TOGETHER):
                    self._queue(entries[start : start + TOGETHER])
                # Only now: a crash in between makes a job twice, and the other order could lose it.
                self.due.remove(entries)
                queued += len(entries)
                if len(entries) < _PAGE:
                    break
            turn.end(now)
        except Changed:
            # Another tick was faster, or took over from this one, which had stood still for so long.
            self.machine.log.event("timers.overtaken", queued=queued)
            return queued
        finally:
            self.heartbeat.forget("")
        milliseconds = (self.machine.clock.now() - now) // timedelta(milliseconds=1)
        self.machine.log.event("timers.ticked", queued=queued, since=since, milliseconds=milliseconds)
        return queued

    def age(self) -> timedelta | None:
        """Returns how long ago the last tick was, as far as this process knows; None before the first."""
        last = self.heartbeat.get("")
        return None if last == NEVER else self.machine.clock.now() - last.until

    def repair(self) -> None:
        """Ticks where the last tick is so long ago that the timer must be dead."""
        age = self.age()
        if age is not None and age > _STALE and not self.heartbeat.get("").is_claimed(self.machine.clock.now()):
            self.machine.log.problem("timers.stale", age=age.total_seconds())
            self.tick()

    def _queue(self, entries: Sequence[Due]) -> None:
        jobs = [_job_of(entry) for entry in entries]
        self.jobs.put_together(jobs, self.spread * self.machine.randomness.fraction())


def _job_of(entry: Due) -> Job:
    of_app = entry.kind is DueKind.EXPIRY
    return Job(
        # What is due and the job that does it are one word, so what only a newer version knows is for it to do.
        kind=str(entry.kind),
        account="" if of_app else entry.subject,
        app=entry.subject if of_app else None,
        incarnation=entry.incarnation,
        at=entry.at,
    )


class _Turn:
    """One tick's hold on the heartbeat, which others may take over: then Changed is raised."""

    def __init__(self, due: DueStore, heartbeat: Heartbeat, etag: str | None) -> None:
        self._due = due
        self._heartbeat = heartbeat
        self._etag = etag

    def claim(self, until: datetime) -> None:
        """Keeps other ticks away until then."""
        self._etag = self._due.beat(self._heartbeat.model_copy(update={"claimed": until}), self._etag)

    def end(self, now: datetime) -> None:
        """Tells that everything that was due by *now* is queued."""
        ended = self._heartbeat.model_copy(update={"until": now, "claimed": None})
        self._etag = self._due.beat(ended, self._etag)
