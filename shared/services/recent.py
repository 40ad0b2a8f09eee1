"""
Recent events: what this process has just finished or has in hand, so that Graph's duplicates cost nothing.

Memory only, and only ever asked about events whose rows and retries are safely stored: forgetting one costs a duplicate
at worst, never an event.
"""

import threading
from collections import OrderedDict

_CAPACITY = 50_000


class RecentEvents:
    """Remembers the last events by id; in hand means between `begin` and `finish` or `abandon`."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._capacity = capacity
        self._finished: OrderedDict[str, None] = OrderedDict()
        self._in_hand: set[str] = set()
        self._lock = threading.Lock()

    def is_finished(self, event_id: str) -> bool:
        """Tells whether this process finished the event a short while ago."""
        with self._lock:
            return event_id in self._finished

    def knows(self, event_id: str) -> bool:
        """Tells whether this process has the event in hand, or finished it a short while ago."""
        with self._lock:
            return event_id in self._in_hand or event_id in self._finished

    def begin(self, event_id: str) -> bool:
        """Takes the event in hand; False where another thread has it in hand, or finished it."""
        with self._lock:
            if event_id in self._in_hand or event_id in self._finished:
                return False
            self._in_hand.add(event_id)
            return True

    def finish(self, event_id: str) -> None:
        """Lays the event down as finished."""
        with self._lock:
            self._in_hand.discard(event_id)
            self._finished[event_id] = None
            if len(self._finished) > self._capacity:
                self._finished.popitem(last=False)

    def abandon(self, event_id: str) -> None:
        """Lays the event down unfinished: somebody will bring it again."""
        with self._lock:
            self._in_hand.discard(event_id)
