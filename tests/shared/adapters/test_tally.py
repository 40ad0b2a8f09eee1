"""The log that counts: it never fails, never waits, and what it writes adds up."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.adapters.tally import TallyLog
from shared.domain.errors import TryLater
from shared.domain.tallies import Role, folded, oldest, total
from tests.fakes.clock import START, FakeClock
from tests.fakes.faults import Faulty
from tests.fakes.metrics import FakeMetricsStore
from tests.fakes.randomness import FakeRandomness

DOWN = TryLater("Storage cannot be reached.")
HOUR = timedelta(hours=1)


class Ground:
    """A store behind faults, and processes that count into it; none writes by itself."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.randomness = FakeRandomness()
        self.store = Faulty(FakeMetricsStore())
        self.begun: list[TallyLog] = []

    def process(self, every: timedelta = HOUR) -> TallyLog:
        """Begin a process."""
        tally = TallyLog(self.store.port, self.clock, self.randomness, Role.APP, every)
        self.begun.append(tally)
        return tally

    def sums(self) -> dict[str, float]:
        """Return what a scraper sees."""
        ledger = self.store.inner.read()
        return total(each.value for each in (*([ledger.base] if ledger.base else []), *ledger.tallies))

    def fold(self) -> None:
        """Fold every row into the base."""
        ledger = self.store.inner.read()
        gone = [each.value for each in ledger.tallies]
        base = folded(ledger.base.value if ledger.base else None, gone, now=self.clock.now())
        self.store.inner.fold(base, ledger.base.etag if ledger.base else None, ledger.tallies)


@pytest.fixture
def ground() -> Iterator[Ground]:
    """Return the ground; whatever would still be written later is written at once."""
    ground = Ground()
    yield ground
    for tally in ground.begun:
        tally.close()


def count(tally: TallyLog, times: int = 1) -> None:
    """Count something."""
    for _ in range(times):
        tally.event("sweeps.ended", accounts=1)


SWEEPS = "relay365_sweeps_total"


def test_processes_add_up(ground: Ground) -> None:
    """What two processes counted is added up, from all their threads; each writes one row, over and over."""
    one, other = ground.process(), ground.process()
    threads = [threading.Thread(target=count, args=(one, 250)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    count(other, 3)
    for tally in (one, other, one):
        tally.flush()
    count(one)
    one.flush()
    assert ground.sums()[SWEEPS] == 1004
    assert len(ground.store.inner.read().tallies) == 2


def test_nothing_new_is_not_written(ground: Ground) -> None:
    """Without something new, and for log events that nobody counts, nothing is written."""
    tally = ground.process()
    tally.event("token.made", token="t")
    tally.flush()
    count(tally)
    tally.flush()
    tally.flush()
    assert ground.store.inner.writes == 1


def test_it_writes_by_itself(ground: Ground) -> None:
    """What is counted is written after the interval, in one write, and the counting thread does not wait for it."""
    written = threading.Event()
    write = ground.store.inner.write

    def slow(*arguments: object) -> str:
        assert threading.current_thread().daemon
        written.set()
        return write(*arguments)

    ground.store.inner.write = slow
    tally = ground.process(timedelta(milliseconds=20))
    # The write of a counter that is interrupted for so long would wait here.
    with tally._writing:
        count(tally, 5)
    assert written.wait(60)
    tally.flush()
    assert (ground.sums()[SWEEPS], ground.store.inner.writes) == (5, 1)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("written", [0, 2], ids=["first write", "later write"])
def test_storage_may_fail_at_any_write(ground: Ground, written: int, *, after: bool) -> None:
    """While storage is down counting goes on and nothing is raised; later all of it is written, and once."""
    tally = ground.process()
    if written:
        count(tally, written)
        tally.flush()
    ground.store.fail("write", DOWN, after=after)
    count(tally, 3)
    tally.flush()
    count(tally)
    tally.flush()
    assert ground.sums()[SWEEPS] == written + 4


def test_a_folded_process_goes_on_in_another_row(ground: Ground) -> None:
    """A process whose row was folded, and that counts again, adds what is new and nothing twice."""
    tally = ground.process()
    count(tally, 5)
    tally.flush()
    ground.fold()
    count(tally, 2)
    tally.flush()
    assert ground.sums()[SWEEPS] == 7
    ground.fold()
    count(tally)
    tally.flush()
    count(tally)
    tally.flush()
    assert ground.sums()[SWEEPS] == 9


def test_sums_never_go_back(ground: Ground) -> None:
    """Whatever fails, and whenever rows are folded, what a scraper sees only grows, and is right in the end."""
    one, other = ground.process(), ground.process()
    seen = 0.0
    for step in range(60):
        tally = one if step % 3 else other
        count(tally)
        if step % 4 == 1:
            ground.store.fail("write", DOWN, after=step % 8 == 1)
        if step % 7 == 0:
            # A fold waits until a row is silent for an hour: long after its last write was made good.
            for each in (one, other):
                each.flush()
                each.flush()
            ground.fold()
        tally.flush()
        now = ground.sums().get(SWEEPS, 0)
        assert now >= seen
        seen = now
    for each in (one, other):
        each.flush()
    assert ground.sums()[SWEEPS] == 60


def test_the_oldest_event_that_waits_is_known(ground: Ground) -> None:
    """Attempts that failed, and those put off by a breaker, are known to wait from the moment of their event."""
    tally = ground.process()
    again = START + timedelta(minutes=30)
    tally.event("delivery.attempted", state="retrying", age=60_000, next_attempt=again)
    tally.event("delivery.deferred", webhook="default", age=7_200_000, next_attempt=again)
    tally.event("delivery.attempted", state="delivered", age=99_000_000, next_attempt=None)
    tally.flush()
    rows = [each.value for each in ground.store.inner.read().tallies]
    assert oldest(rows, START) == START - timedelta(hours=2)


def test_gauges_are_those_shown_last(ground: Ground) -> None:
    """A process's gauges are the last that it showed, beside what it counted."""
    tally = ground.process()
    count(tally)
    tally.show({"imap_connections connected": 3})
    tally.show({"imap_connections connected": 2})
    tally.flush()
    (row,) = ground.store.inner.read().tallies
    assert row.value.gauges == {"imap_connections connected": 2}
