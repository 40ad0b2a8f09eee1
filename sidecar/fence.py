"""The fence: a replica that could not say for a while that it lives does nothing any more that others would see."""

import time
from collections.abc import Callable

# Others wait for the whole lease before they take over; the rest is for what is just under way.
_SHARE = 0.6


class Fenced(Exception):
    """Too long since the last beat: somebody else may have this replica's mailboxes by now."""


class Fence:
    """
    Stands open while the last beat is fresh, by a clock that runs on while the process is stopped.

    Whoever is about to write asks `check` first.
    """

    def __init__(self, lease: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = lease * _SHARE
        self._clock = clock
        self._beaten: float | None = None

    @property
    def age(self) -> float | None:
        """How many seconds ago the last beat began that succeeded, or None before the first."""
        return None if self._beaten is None else self._clock() - self._beaten

    @property
    def open(self) -> bool:
        """Tells whether this replica may act."""
        return self.age is not None and self.age < self._patience

    def now(self) -> float:
        """Returns the moment, for `beaten`: others may have seen a beat as early as it began."""
        return self._clock()

    def beaten(self, began: float) -> None:
        """Notes that the beat which began then has succeeded."""
        self._beaten = began

    def check(self) -> None:
        """Raises Fenced where this replica may not act."""
        if not self.open:
            raise Fenced
