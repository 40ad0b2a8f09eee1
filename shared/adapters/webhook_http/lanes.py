"""
Lanes: so many of each at a time, in the order in which they came.

A slow endpoint fills its own lane and nobody else's. What waits in a lane holds no thread, and whoever grows tired of
waiting, because nothing in the lane moves, cancels it.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from time import monotonic
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Lanes(Generic[Result]):
    """Runs work on *threads*, at most *limit* pieces of each lane at a time."""

    def __init__(self, threads: Executor, limit: int) -> None:
        self._threads = threads
        self._limit = limit
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[tuple[Future[Result], Callable[[], Result]]]] = {}
        self._running: Counter[str] = Counter()
        self._moved: dict[str, float] = {}

    def run(self, lane: str, work: Callable[[], Result]) -> "Future[Result]":
        """Puts *work* at the lane's end; its future can be cancelled until it starts."""
        future: Future[Result] = Future()
        with self._lock:
            self._waiting.setdefault(lane, deque()).append((future, work))
            if self._running[lane] >= self._limit:
                return future
            self._running[lane] += 1
            self._moved.setdefault(lane, monotonic())
        self._threads.submit(self._drain, lane)
        return future

    def stands_for(self, lane: str) -> float:
        """Returns for how many seconds nothing in the lane has come to its end."""
        with self._lock:
            return monotonic() - self._moved[lane] if lane in self._moved else 0.0

    def _drain(self, lane: str) -> None:
        while (first := self._next(lane)) is not None:
            future, work = first
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = work()
            except BaseException as broken:  # noqa: BLE001  whoever waits must hear of it, or waits for ever
                future.set_exception(broken)
            else:
                future.set_result(result)
            with self._lock:
                self._moved[lane] = monotonic()

    def _next(self, lane: str) -> tuple[Future[Result], Callable[[], Result]] | None:
        with self._lock:
            if self._waiting[lane]:
                return self._waiting[lane].popleft()
            self._running[lane] -= 1
            if not self._running[lane]:
                del self._running[lane], self._waiting[lane], self._moved[lane]
            return None
