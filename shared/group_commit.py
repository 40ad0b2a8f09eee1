"""
Group commit: while one write is under way, what comes in gathers for the next.

A database's old trick, used here wherever an operation takes many items at the price of one: queue messages, Graph's
`$batch`, table transactions. Alone, an item goes at once; in a burst, one operation carries many. Nobody is answered
before his own items are done.

It stands outside the layers, beside the domain: it knows nothing of the product, and both services and adapters use it.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class _Submission(Generic[Item, Result]):
    items: Sequence[Item]
    future: "Future[list[Result]]"


class GroupCommit(Generic[Item, Result]):
    """
    Gathers items for *commit*, which returns one result for each, in order, or raises for all that it was given.

    `full` items are as many as one commit should carry; a full group may overtake one that is under way, in up to
    `lanes` threads. `pace` is the least number of seconds between two commits that are not full: under load it turns
    many small operations into few large ones, and at rest it delays nothing.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[Item]], Sequence[Result]],
        *,
        full: int,
        lanes: int = 1,
        pace: float = 0.0,
        name: str = "group-commit",
    ) -> None:
        self._commit = commit
        self._full = full
        self._lanes = lanes
        self._pace = pace
        self._pending: deque[_Submission[Item, Result]] = deque()
        self._pending_items = 0
        self._running = 0
        self._held_back = False
        self._next_start = 0.0
        self._lock = threading.Lock()
        self._grown = threading.Condition(self._lock)
        self._threads = ThreadPoolExecutor(max_workers=lanes, thread_name_prefix=name)

    def submit(self, items: Sequence[Item]) -> "Future[list[Result]]":
        """Returns a future of the results for *items*; await it through `asyncio.wrap_future`, or wait for it."""
        future: Future[list[Result]] = Future()
        if not items:
            future.set_result([])
            return future
        with self._lock:
            self._pending.append(_Submission(items, future))
            self._pending_items += len(items)
            is_full = self._pending_items >= self._full
            if is_full and self._held_back:
                self._held_back = False
                self._grown.notify()
            elif (is_full or self._running == 0) and self._running < self._lanes:
                self._running += 1
                self._threads.submit(self._run)
        return future

    def _run(self) -> None:
        while group := self._take():
            items = [item for submission in group for item in submission.items]
            try:
                results = list(self._commit(items))
                if len(results) != len(items):
                    raise RuntimeError(f"{len(items)} items were committed and {len(results)} results came back.")  # noqa: TRY301  a broken commit fails its callers
            except BaseException as problem:  # noqa: BLE001  whoever waits must hear of any failure, or waits for ever
                for submission in group:
                    submission.future.set_exception(problem)
                continue
            start = 0
            for submission in group:
                end = start + len(submission.items)
                submission.future.set_result(results[start:end])
                start = end

    def _take(self) -> list[_Submission[Item, Result]]:
        with self._lock:
            if self._running > 1 and self._pending_items < self._full:
                self._running -= 1
                return []
            while self._pending and self._pending_items < self._full:
                wait = self._next_start - monotonic()
                if wait <= 0:
                    break
                self._held_back = True
                self._grown.wait(wait)
                self._held_back = False
            group: list[_Submission[Item, Result]] = []
            size = 0
            while self._pending and (not group or size + len(self._pending[0].items) <= self._full):
                submission = self._pending.popleft()
                self._pending_items -= len(submission.items)
                # Whoever gave up while he waited has cancelled his future; a result for it would be refused.
                if submission.future.set_running_or_notify_cancel():
                    size += len(submission.items)
                    group.append(submission)
            if group:
                self._next_start = monotonic() + self._pace
            else:
                self._running -= 1
            return group


def as_commit(write: Callable[[Sequence[Item]], object]) -> Callable[[Sequence[Item]], Sequence[None]]:
    """Returns *write*, which says nothing of a single item, as a commit: what did not raise is done."""

    def commit(items: Sequence[Item]) -> Sequence[None]:
        write(items)
        return [None] * len(items)

    return commit
