"""
Circuit breakers: when an endpoint is so unwell that we stop asking it for a while.

Theory of the states. A closed breaker counts results; many failures, or a few connections in a row that nobody took,
open it. While it is open nothing is posted. When its time is over it lets one POST through, the probe, and what comes
of that closes it or opens it for twice as long. Each process has its own, so a dead endpoint costs a few attempts of
each.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.deliveries import Outcome

_WINDOW = timedelta(minutes=5)
_BUCKET = timedelta(seconds=30)
_FEWEST_RESULTS = 10
_FAILED_SHARE = 0.7
_UNCONNECTED_IN_A_ROW = 5
_FIRST_OPENING = timedelta(seconds=30)
_LONGEST_OPENING = timedelta(minutes=15)
# Longer than any POST takes; a probe whose process never told its result is then given up.
_PROBE = timedelta(minutes=1)
# Most probes have told by then.
_PROBED = timedelta(seconds=5)
# What a receiver says of one message, and not of itself.
_ABOUT_THE_MESSAGE = frozenset({400, 413, 422})
# Nobody was there to answer; behind a firewall that looks like a timeout.
_UNCONNECTED = frozenset({"dns_failed", "connect_failed", "tls_failed", "timeout"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """The results of half a minute."""

    since: datetime
    results: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Breaker:
    """An endpoint's breaker: closed while `until` is None; `openings` counts those in a row."""

    buckets: tuple[Bucket, ...] = ()
    unconnected: int = 0
    openings: int = 0
    until: datetime | None = None
    probing: bool = False

    def asked(self, now: datetime) -> tuple["Breaker", timedelta | None]:
        """Returns the breaker after somebody asked to post, and how long he must wait; None where he may."""
        if self.until is None:
            return self, None
        if now < self.until:
            wait = self.until - now
            return self, min(wait, _PROBED) if self.probing else wait
        return replace(self, until=now + _PROBE, probing=True), None

    def told(self, outcome: Outcome, now: datetime) -> "Breaker":
        """Returns the breaker after a POST came out so."""
        about_message = outcome.status in _ABOUT_THE_MESSAGE
        if self.until is not None:
            if not self.probing:
                # It was on its way when the breaker opened.
                return self
            return Breaker() if outcome.delivered or about_message else self._opened(now)
        if about_message:
            return replace(self, unconnected=0)
        counted = self._counted(now, failed=not outcome.delivered)
        unconnected = self.unconnected + 1 if outcome.error in _UNCONNECTED else 0
        results, failed = sum(bucket.results for bucket in counted), sum(bucket.failed for bucket in counted)
        unwell = results >= _FEWEST_RESULTS and failed >= _FAILED_SHARE * results
        if unwell or unconnected >= _UNCONNECTED_IN_A_ROW:
            return self._opened(now)
        return replace(self, buckets=counted, unconnected=unconnected)

    def unasked(self, now: datetime) -> "Breaker":
        """Returns the breaker after a POST that was let through was not made: the next one may be the probe."""
        return replace(self, until=now, probing=False) if self.probing else self

    def _opened(self, now: datetime) -> "Breaker":
        wait = min(_FIRST_OPENING * 2 ** min(self.openings, 10), _LONGEST_OPENING)
        return Breaker(openings=self.openings + 1, until=now + wait)

    def _counted(self, now: datetime, *, failed: bool) -> tuple[Bucket, ...]:
        recent = tuple(bucket for bucket in self.buckets if bucket.since > now - _WINDOW)
        if not recent or recent[-1].since <= now - _BUCKET:
            recent = (*recent, Bucket(now))
        last = recent[-1]
        return (*recent[:-1], Bucket(last.since, last.results + 1, last.failed + int(failed)))
