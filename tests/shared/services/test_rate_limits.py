"""Rate limits over processes: never more than the limit, at hardly any cost, with storage or without."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NoReturn

import pytest

from shared.adapters.system import SystemRandomness
from shared.domain.errors import Changed, RateLimitExceeded, TryLater
from shared.domain.rate_limits import RateLimit, RequestCount
from shared.ports.machine import Machine
from shared.ports.records import Stored
from shared.services.rate_limits import RateLimits
from tests.fakes.clock import FakeClock
from tests.fakes.log import FakeLog
from tests.fakes.randomness import FakeRandomness
from tests.fakes.stores import FakeRateLimitStore

HUNDRED = RateLimit(max_requests=100, time_window=60)
TICK = timedelta(milliseconds=20)


class Slow(FakeRateLimitStore):
    """A store that other threads do not wait for."""

    def replace(self, token: str, count: RequestCount, etag: str) -> Stored[RequestCount]:
        """Overwrite what was read, after a moment."""
        time.sleep(0.001)
        return super().replace(token, count, etag)


class Silent(FakeRateLimitStore):
    """A store that does not answer; `requests` counts who waited for it."""

    def get(self, token: str) -> NoReturn:
        """Fail, as after the time that one waits."""
        self.requests += 1
        raise TryLater(f"Storage cannot be reached for {token!r}.")


class Overtaken(FakeRateLimitStore):
    """A store that another process always writes to a moment earlier."""

    def replace(self, token: str, count: RequestCount, etag: str) -> NoReturn:
        """Fail, as where the row is another one."""
        raise Changed(token)


def limits_of(store: FakeRateLimitStore, clock: FakeClock) -> RateLimits:
    """Return the rate limits of one process that never pauses for long."""
    return RateLimits(store, Machine(clock, FakeRandomness(0.001), FakeLog()))


@pytest.fixture
def clock() -> FakeClock:
    """Return the clock of all processes."""
    return FakeClock()


@pytest.fixture
def store() -> FakeRateLimitStore:
    """Return the store of all processes."""
    return FakeRateLimitStore()


@pytest.fixture
def process(store: FakeRateLimitStore, clock: FakeClock) -> Callable[[], RateLimits]:
    """Return what starts a process."""
    return lambda: limits_of(store, clock)


def made(limits: RateLimits, times: int, limit: RateLimit = HUNDRED, token: str = "t") -> int:  # noqa: S107  a name
    """Return how many of *times* requests are let in."""
    let_in = 0
    for _ in range(times):
        try:
            limits.spend(token, limit)
        except RateLimitExceeded:
            continue
        let_in += 1
    return let_in


def test_a_window_has_as_many_requests_as_the_limit(process: Callable[[], RateLimits], clock: FakeClock) -> None:
    """Alone, a process lets in exactly the limit, and again in the next window; tokens do not count for each other."""
    limits = process()
    assert made(limits, 150) == 100
    assert made(limits, 1, token="other") == 1
    clock.advance(timedelta(seconds=60))
    assert made(limits, 150) == 100


def test_who_waits_is_told_for_how_long(process: Callable[[], RateLimits]) -> None:
    """What is left is told with each request, and at the end when there is more."""
    limits, few = process(), RateLimit(max_requests=2, time_window=60)
    assert [limits.spend("t", few).remaining for _ in range(2)] == [1, 0]
    with pytest.raises(RateLimitExceeded) as refused:
        limits.spend("t", few)
    allowance = refused.value.allowance
    assert (allowance.limit, allowance.remaining, 1 <= allowance.reset <= 60) == (2, 0, True)


def test_processes_share_a_limit(process: Callable[[], RateLimits], clock: FakeClock) -> None:
    """Eight processes in turn let in no more than the limit together, and hold hardly any of it back."""
    processes, let_in = [process() for _ in range(8)], 0
    for turn in range(300):
        let_in += made(processes[turn % 8], 1)
        clock.advance(TICK)
    assert 75 <= let_in <= 100


def test_slow_processes_hold_nothing_back(process: Callable[[], RateLimits], clock: FakeClock) -> None:
    """Processes that make a request in some seconds take them one by one, so the limit is met exactly."""
    processes, limit = [process() for _ in range(4)], RateLimit(max_requests=20, time_window=86_400)
    let_in = 0
    for turn in range(40):
        let_in += made(processes[turn % 4], 1, limit)
        clock.advance(timedelta(seconds=2))
    assert let_in == 20


@pytest.mark.parametrize("processes", [2, 8])
def test_threads_share_a_limit(clock: FakeClock, processes: int) -> None:
    """Threads of several processes at once let in exactly the limit, when each asks for more than there is."""
    store = Slow()
    each = [RateLimits(store, Machine(clock, SystemRandomness(clock), FakeLog())) for _ in range(processes)]
    with ThreadPoolExecutor(16) as pool:
        let_in = sum(pool.map(lambda number: made(each[number % processes], 60), range(16)))
    assert let_in == 100


def test_a_busy_process_hardly_asks(store: FakeRateLimitStore, process: Callable[[], RateLimits]) -> None:
    """Of a thousand requests at once, one in twenty asks storage; and once the window is spent, a process once."""
    limits, limit = process(), RateLimit(max_requests=1000, time_window=60)
    assert made(limits, 800, limit) == 800
    assert store.requests <= 40
    made(limits, 300, limit)
    for another, asked in ((limits, 0), (process(), 1)):
        before = store.requests
        assert made(another, 100, limit) == 0
        assert store.requests - before == asked


def test_a_slow_process_asks_once(
    store: FakeRateLimitStore, process: Callable[[], RateLimits], clock: FakeClock
) -> None:
    """While nobody else counts, a request costs one write: what was written last is known."""
    limits = process()
    made(limits, 1)
    before = store.requests
    for _ in range(10):
        clock.advance(timedelta(seconds=2))
        made(limits, 1)
    assert store.requests - before == 10


def test_without_storage_each_process_counts_alone(clock: FakeClock) -> None:
    """Where storage is silent, a process lets in the limit by itself, and waits for storage once in ten seconds."""
    silent = Silent()
    limits, limit = limits_of(silent, clock), RateLimit(max_requests=5, time_window=60)
    assert made(limits, 20, limit) == 5
    assert silent.requests == 1
    clock.advance(timedelta(seconds=10))
    assert made(limits, 1, limit) == 0
    assert silent.requests == 2


def test_who_is_overtaken_does_not_count_alone(clock: FakeClock) -> None:
    """Where storage answers and others are always faster, a request is refused for a second, and none let in."""
    store = Overtaken()
    store.insert("t", RequestCount())
    limits = limits_of(store, clock)
    for _ in range(2):
        with pytest.raises(TryLater, match="Too many processes") as refused:
            limits.spend("t", HUNDRED)
        assert refused.value.retry_after == timedelta(seconds=1)


def test_a_revoked_token_leaves_no_count(store: FakeRateLimitStore, process: Callable[[], RateLimits]) -> None:
    """What was counted of a token goes with it."""
    limits = process()
    made(limits, 1)
    limits.forget("t")
    assert store.get("t") is None
