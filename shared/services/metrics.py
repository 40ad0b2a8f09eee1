"""
Metrics: what all processes counted, and what the backlog is like, for a scraper and for an operator's alerts.

A scrape costs some fifteen requests to storage, and within 15 seconds a process answers it from memory. Nothing is
scanned for it: accounts are counted once an hour, by the timer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from shared.domain import metrics
from shared.domain.backlog import Backlog
from shared.domain.census import Census, census
from shared.domain.errors import Changed, TryLater
from shared.domain.exposition import exposition
from shared.domain.metrics import Metric, series
from shared.domain.tallies import Role, Tally, folded, oldest, total
from shared.ports.machine import Machine
from shared.ports.metrics import Ledger, LedgerStore, QueueGauge
from shared.ports.state import AccountStore, OAuth2AppStore, PoisonStore
from shared.services.lookups import Lookup
from shared.services.timers import Timers

_SHOWN = timedelta(seconds=15)
_PATIENCE_SECONDS = 1.0
# A little less than the hour, since the timer comes every five minutes.
_CENSUS = timedelta(minutes=58)
# A transaction holds 100 rows, and the base is one of them.
_FOLDED_AT_ONCE = 99
_MOST_FOLDS = 20
_MOST_POISON = 1000
_GAUGES_HOLD = timedelta(minutes=3)
_SIDECAR_GONE = timedelta(days=7)
_DAY = timedelta(days=1)
_POISON = "-poison"


@dataclass(frozen=True, slots=True)
class _Look:
    """What one look finds."""

    now: datetime
    ledger: Ledger
    depths: Mapping[str, int]
    front: datetime | None
    poison: int
    last_tick: timedelta | None
    days_left: Mapping[str, int]

    @property
    def tallies(self) -> list[Tally]:
        """The tallies, the base first."""
        base = [self.ledger.base] if self.ledger.base else []
        return [stored.value for stored in (*base, *self.ledger.tallies)]

    @property
    def oldest_undelivered(self) -> int:
        """How many seconds ago the oldest event was learned that waits for its endpoint, or to be expanded."""
        moments = [moment for moment in (oldest(self.tallies, self.now), self.front) if moment is not None]
        return max(0, int((self.now - min(moments)).total_seconds())) if moments else 0

    @property
    def given_up(self) -> int:
        """How many messages were given up, those included that are no rows yet."""
        return self.poison + sum(depth for queue, depth in self.depths.items() if queue.endswith(_POISON))


class Metrics:
    """Tells metrics, and measures the backlog."""

    def __init__(
        self,
        *,
        ledger: LedgerStore,
        queues: QueueGauge,
        poison: PoisonStore,
        accounts: AccountStore,
        apps: OAuth2AppStore,
        timers: Timers,
        machine: Machine,
    ) -> None:
        self._ledger = ledger
        self._queues = queues
        self._poison = poison
        self._accounts = accounts
        self._apps = apps
        self._timers = timers
        self._machine = machine
        self._shown = Lookup(lambda _: self._text(), machine.clock, _SHOWN)
        self._looking = Lock()

    def text(self) -> str:
        """Returns all metrics as Prometheus reads them, not older than 15 seconds; raises TryLater."""
        # Where storage hangs a look takes a minute, and scrapes that waited for it would hold all of the API's threads.
        if not self._looking.acquire(timeout=_PATIENCE_SECONDS):
            raise TryLater("An earlier look at the metrics has not ended: storage does not answer.")
        try:
            return self._shown.get("")
        finally:
            self._looking.release()

    def measure(self) -> Backlog:
        """Folds what silent processes counted, counts accounts where that is due, and writes the backlog to the log."""
        ledger = self._fold()
        if ledger.census is None or self._machine.clock.now() - ledger.census.taken >= _CENSUS:
            self._ledger.keep(census(self._accounts.count(), self._machine.clock.now()))
            ledger = self._ledger.read()
        measured = _backlog(self._look(ledger))
        self._machine.log.event("backlog.measured", **measured.model_dump())
        return measured

    def _fold(self) -> Ledger:
        for _ in range(_MOST_FOLDS):
            ledger, now = self._ledger.read(), self._machine.clock.now()
            gone = [each for each in ledger.tallies if each.value.is_silent(now)][:_FOLDED_AT_ONCE]
            if not gone:
                break
            base = folded(ledger.base.value if ledger.base else None, [each.value for each in gone], now=now)
            # Somebody else folds too, or one of them counts again: the next round sees which.
            with suppress(Changed):
                self._ledger.fold(base, ledger.base.etag if ledger.base else None, gone)
        return ledger

    def _look(self, ledger: Ledger) -> _Look:
        now = self._machine.clock.now()
        return _Look(
            now=now,
            ledger=ledger,
            depths=self._queues.depths(),
            front=self._queues.front(),
            poison=self._poison.waiting(_MOST_POISON),
            last_tick=self._timers.age(),
            days_left={app.id: (app.expires - now) // _DAY for app in self._apps.all() if app.expires is not None},
        )

    def _text(self) -> str:
        look = self._look(self._ledger.read())
        return exposition({**total(look.tallies), **dict(_gauges(look))})


def _gauges(look: _Look) -> Iterator[tuple[str, float]]:
    for queue, depth in look.depths.items():
        yield _queue_size(queue), depth
    yield series(metrics.OLDEST_UNDELIVERED), look.oldest_undelivered
    yield series(metrics.POISON), look.given_up
    yield series(metrics.PROCESSES), len(look.ledger.tallies)
    if look.last_tick is not None:
        yield series(metrics.LAST_TICK), int(look.last_tick.total_seconds())
    for app, days in look.days_left.items():
        yield series(metrics.CREDENTIAL_DAYS, app), days
    yield from _seen(look.tallies, look.now).items()
    if look.ledger.census is not None:
        yield from _counted(look.ledger.census, look.now)


def _counted(counted: Census, now: datetime) -> Iterator[tuple[str, float]]:
    yield from _by(metrics.ACCOUNTS, counted.states)
    yield from _by(metrics.OUTLOOK_SUBSCRIPTIONS, counted.subscriptions)
    yield series(metrics.CENSUS_AGE), int((now - counted.taken).total_seconds())
    if counted.soonest is not None:
        yield series(metrics.SOONEST_END), int((counted.soonest - now).total_seconds())


def _by(metric: Metric, numbers: Mapping[str, int]) -> Iterator[tuple[str, float]]:
    return ((series(metric, word), number) for word, number in numbers.items())


def _seen(tallies: Iterable[Tally], now: datetime) -> dict[str, float]:
    """Returns what processes see now, added up; one that was silent for minutes sees nothing."""
    seen: dict[str, float] = {}
    for tally in tallies:
        for name, value in tally.gauges.items() if now - tally.updated <= _GAUGES_HOLD else ():
            seen[name] = seen.get(name, 0) + value
    return seen


def _queue_size(queue: str) -> str:
    """Returns the series of a queue in EmailEngine's words: poison is its queue's `failed`."""
    if queue.endswith(_POISON):
        return series(metrics.QUEUE_SIZE, queue.removesuffix(_POISON), "failed")
    # Storage tells one number for what is ready and what is hidden; a retry is hidden until its time.
    return series(metrics.QUEUE_SIZE, queue, "delayed" if queue == "retries" else "waiting")


def _backlog(look: _Look) -> Backlog:
    sums = total(look.tallies)
    counted = look.ledger.census or Census(taken=look.now)
    return Backlog(
        oldest_undelivered_seconds=look.oldest_undelivered,
        last_tick_seconds=None if look.last_tick is None else int(look.last_tick.total_seconds()),
        poison=look.given_up,
        queue_changes=look.depths.get("changes", 0),
        queue_retries=look.depths.get("retries", 0),
        queue_jobs=look.depths.get("jobs", 0),
        accounts=counted.accounts,
        accounts_in_trouble=counted.in_trouble,
        accounts_polling=counted.subscriptions.get("failed", 0),
        renewals_late=counted.late,
        subscription_losses=_sum(sums, "relay365_subscriptions_total", ("removed", "silent")),
        credential_days=min(look.days_left.values(), default=None),
        sidecar_troubles=_sum(sums, "relay365_sidecar_troubles_total"),
        sidecar_silent_seconds=_sidecar_silence(look.tallies, look.now),
    )


def _sum(sums: Mapping[str, float], metric: str, words: Sequence[str] | None = None) -> int:
    names = (name.split(" ") for name in sums)
    return int(sum(sums[" ".join(name)] for name in names if name[0] == metric and (not words or name[1] in words)))


def _sidecar_silence(tallies: Iterable[Tally], now: datetime) -> int | None:
    moments = [
        moment
        for tally in tallies
        for moment in (tally.updated if tally.role is Role.SIDECAR else None, tally.seen.get(Role.SIDECAR))
        if moment is not None
    ]
    silence = now - max(moments) if moments else _SIDECAR_GONE
    return int(silence.total_seconds()) if silence < _SIDECAR_GONE else None
