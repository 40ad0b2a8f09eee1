"""
Deadlines that hold whatever the other side does.

A socket's timeout starts anew with every byte, so an endpoint that drips one each second never meets it. Here a thread
looks at the clock instead and shuts down the socket of an exchange that is over time; the read that waits then ends.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic


@dataclass(eq=False, slots=True)
class Deadline:
    """The moment (on the monotonic clock) at which one exchange is over."""

    moment: float
    _lock: threading.Lock = field(repr=False)
    _expired: bool = False
    _socket: socket.socket | None = None

    def remaining(self) -> float:
        """Returns the seconds that are left; raises TimeoutError where none is."""
        left = self.moment - monotonic()
        if left <= 0 or self._expired:
            raise TimeoutError
        return left

    @contextmanager
    def cutting(self, connected: socket.socket) -> Iterator[None]:
        """Has *connected* shut down should the moment come while the block runs; then raises TimeoutError."""
        with self._lock:
            self._socket = connected
        try:
            self.remaining()
            yield
        except Exception:
            # However the cut looked from inside, it was the deadline.
            if self._expired:
                raise TimeoutError from None
            raise
        finally:
            with self._lock:
                self._socket = None

    def expire(self) -> None:
        """Ends the exchange; the caller holds the lock, so that the socket is still this exchange's own."""
        self._expired = True
        if self._socket is not None:
            with suppress(OSError):
                # Not SSLSocket.shutdown: it drops the TLS state under the thread that reads.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Watchdog:
    """
    Expires deadlines, from one thread that starts with the first of them.

    All deadlines are equally long. The thread therefore never has to be told of a new one: it sleeps until the oldest
    is due, and whatever starts meanwhile is due later.
    """

    def __init__(self, length: timedelta) -> None:
        self._length = length.total_seconds()
        self._lock = threading.Lock()
        self._running: dict[Deadline, None] = {}
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def deadline(self) -> Iterator[Deadline]:
        """Starts a deadline that is watched while the block runs."""
        with self._lock:
            deadline = Deadline(monotonic() + self._length, self._lock)
            self._running[deadline] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="webhook-deadlines", daemon=True)
                self._thread.start()
        try:
            yield deadline
        finally:
            with self._lock:
                self._running.pop(deadline, None)

    def close(self) -> None:
        """Ends the thread."""
        self._closed.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        pause = 0.0
        while not self._closed.wait(pause):
            with self._lock:
                now = monotonic()
                for deadline in [known for known in self._running if known.moment <= now]:
                    deadline.expire()
                    del self._running[deadline]
                oldest = next(iter(self._running), None)
                pause = oldest.moment - now if oldest else self._length
