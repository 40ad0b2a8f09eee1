"""A clock that stands until it is moved."""

from datetime import UTC, datetime, timedelta
from threading import Lock

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class FakeClock:
    """Tells the moment it was set to."""

    def __init__(self, now: datetime = START) -> None:
        self._now = now
        self._lock = Lock()

    def now(self) -> datetime:
        """Return the moment."""
        with self._lock:
            return self._now

    def advance(self, by: timedelta) -> None:
        """Move the hands."""
        with self._lock:
            self._now += by
