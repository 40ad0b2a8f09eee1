"""
Telemetry: a log whose lines go to a collector, from a thread of their own.

Whoever logs only appends to a queue. A collector that is slow, refuses or is not there costs memory for `_KEPT` lines
at most, of which the oldest go first; the JSON log has them all.
"""

import atexit
import threading
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from shared.adapters.telemetry.otlp import Line

if TYPE_CHECKING:
    from shared.ports.machine import Clock, Log

_KEPT = 4096
_TOGETHER = 512
# Long enough that a busy process sends full batches, short enough to watch an incident.
_PACE = timedelta(seconds=2)
_WAITS = tuple(timedelta(seconds=seconds) for seconds in (1, 2, 5, 10, 30))
# The platform gives a process that ends a few seconds.
_LAST_WORDS = timedelta(seconds=3)
_REPORTS = timedelta(minutes=5)


class Takes(Protocol):
    """Whoever takes lines."""

    def take(self, lines: Sequence[Line]) -> None:
        """Takes them, or raises."""


class Telemetry:
    """
    Tells a collector of every line; *connect* makes the way to it, in the thread that uses it.

    What becomes of that is told to *report*, seldom, by whoever logs next: the Functions worker drops what a thread of
    ours says (see functions/threads.py). It must not be this log itself.
    """

    def __init__(self, connect: Callable[[], Takes], clock: "Clock", report: "Log", *, pace: timedelta = _PACE) -> None:
        self._connect = connect
        self._clock = clock
        self._report = report
        self._pace = pace.total_seconds()
        self._lines: deque[Line] = deque(maxlen=_KEPT)
        self._lock = threading.Condition()
        self._thread: threading.Thread | None = None
        self._ending = False
        self._lost = 0
        self._reported_at = clock.now() - _REPORTS
        self._untold: tuple[str, int] | None = None

    def event(self, name: str, **fields: object) -> None:
        """Queues the event *name* with its fields."""
        self._put(Line(name, fields, self._clock.now(), problem=False))
        self._tell()

    def problem(self, name: str, **fields: object) -> None:
        """Queues an event that an operator should look at."""
        self._put(Line(name, fields, self._clock.now(), problem=True))
        self._tell()

    def close(self) -> None:
        """Sends what is queued, for a few seconds at most; what is told later is lost."""
        with self._lock:
            self._ending = True
            self._lock.notify()
            thread = self._thread
        if thread is not None:
            thread.join(_LAST_WORDS.total_seconds())
        self._tell()

    def _put(self, line: Line) -> None:
        with self._lock:
            if self._ending:
                return
            if self._thread is None:
                # Not before there is something to say: a start must not wait for a thread.
                self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            self._lost += len(self._lines) == _KEPT
            self._lines.append(line)
            if len(self._lines) in {1, _TOGETHER}:
                self._lock.notify()

    def _run(self) -> None:
        collector = self._connect()
        while True:
            batch = self._next()
            if not batch:
                return
            self._send(collector, batch)

    def _next(self) -> list[Line]:
        """Waits for lines and returns them; none where it is time to end."""
        with self._lock:
            self._lock.wait_for(lambda: self._ending or self._lines)
            self._lock.wait_for(lambda: self._ending or len(self._lines) >= _TOGETHER, self._pace)
            return [self._lines.popleft() for _ in range(min(_TOGETHER, len(self._lines)))]

    def _send(self, collector: Takes, batch: list[Line]) -> None:
        for failures in range(len(_WAITS) + 1):
            try:
                collector.take(batch)
            except Exception as problem:  # noqa: BLE001  whatever it is, the product goes on without telemetry
                again = getattr(problem, "again", False) and failures < len(_WAITS) and not self._ending
                self._note(problem, lost=0 if again else len(batch))
                if not again:
                    return
                with self._lock:
                    self._lock.wait_for(lambda: self._ending, _WAITS[failures].total_seconds())
            else:
                return

    def _note(self, problem: Exception, *, lost: int) -> None:
        with self._lock:
            self._lost += lost
            now = self._clock.now()
            if now - self._reported_at < _REPORTS:
                return
            self._reported_at = now
            self._untold, self._lost = (f"{type(problem).__name__}: {problem}", self._lost), 0

    def _tell(self) -> None:
        if self._untold is None:
            return
        with self._lock:
            untold, self._untold = self._untold, None
        if untold is not None:
            self._report.problem("telemetry.failed", error=untold[0], lost=untold[1])
