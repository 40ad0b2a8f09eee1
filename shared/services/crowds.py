"""
Crowds: mailboxes that change so fast that several processes would read them at once.

A burst is told over many queue messages, which spread over all processes, and Graph allows four requests at a time.
What is counted fades by itself: an account is crowded while it brings more than 2.5 changes a second, or 6 at once.
"""

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from math import exp

from shared.domain.changes import Change

LIMIT = 5
_FADES_IN = timedelta(seconds=2)
_CAPACITY = 1000


class Crowds:
    """Counts the changes of each account, of the last thousand that had any; threads may share it."""

    def __init__(self, capacity: int = _CAPACITY) -> None:
        self._capacity = capacity
        self._counts: OrderedDict[str, tuple[float, datetime]] = OrderedDict()
        self._lock = threading.Lock()

    def mark(self, changes: Iterable[Change], now: datetime) -> tuple[Change, ...]:
        """Counts *changes* and returns them, those of crowded accounts marked; a mark that is there stays."""
        told = tuple(changes)
        with self._lock:
            numbers = Counter(change.account for change in told)
            crowded = {account for account, number in numbers.items() if self._count(account, number, now) > LIMIT}
        return tuple(
            change.model_copy(update={"crowded": True}) if change.account in crowded else change for change in told
        )

    def _count(self, account: str, number: int, now: datetime) -> float:
        before, at = self._counts.get(account, (0.0, now))
        # A clock that was set back makes nothing more than it was.
        count = before * exp(-max(now - at, timedelta()) / _FADES_IN) + number
        self._counts[account] = (count, now)
        self._counts.move_to_end(account)
        if len(self._counts) > self._capacity:
            self._counts.popitem(last=False)
        return count
