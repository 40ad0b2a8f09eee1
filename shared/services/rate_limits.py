"""
Rate limits: a token's requests are counted over all processes, and hardly ever ask storage twice.

A process takes requests from the row that all share, as many as it needed in the second before, and makes them from
memory; who is slow takes them one by one. So never more are made than the limit says (by clocks that are within five
seconds of each other), and what one process holds back from another is what it needs for a second. Once the row is
spent, nobody asks again before the next window.

Where others write the row at the same moment, a process tries again after a pause of random length; one that is always
too late refuses the request for now. Where storage does not answer, each process counts alone for a while: the API goes
on, and the limit is one for each of them.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from shared.domain.errors import Changed, RateLimitExceeded, TryLater
from shared.domain.rate_limits import Allowance, RateLimit, RequestCount
from shared.patience import holding
from shared.ports.machine import Machine
from shared.ports.records import Stored
from shared.ports.state import RateLimitStore
from shared.services.pauses import pause

_MOST_AT_ONCE = 50
_TRIES = 20
_SECOND = timedelta(seconds=1)
# After storage kept somebody waiting, nobody waits for it again before this is over.
_ALONE = timedelta(seconds=10)


@dataclass
class _Purse:
    """
    What a process knows of a token's window.

    It has `held` requests that it may still make, the row has `left`, and `made` are those of this process.
    """

    lock: Lock = field(default_factory=Lock)
    window: int = -1
    held: int = 0
    left: int = 0
    made: int = 0
    block: int = 1
    taken: datetime | None = None
    alone_until: datetime | None = None
    row: Stored[RequestCount] | None = None

    def begin(self, window: int) -> None:
        """Goes on to another window; what is held of the former one is void."""
        self.window, self.held, self.left, self.made = window, 0, 0, 0

    def pace(self, now: datetime) -> int:
        """Returns how many requests the next second needs, by what the last one did."""
        fast = self.taken is not None and now - self.taken < _SECOND
        self.block, self.taken = min(2 * self.block, _MOST_AT_ONCE) if fast else 1, now
        return self.block


class RateLimits:
    """The rate limits of one process, for all its threads."""

    def __init__(self, store: RateLimitStore, machine: Machine) -> None:
        self._store = store
        self._machine = machine
        self._purses: dict[str, _Purse] = {}

    def spend(self, token: str, limit: RateLimit) -> Allowance:
        """
        Spends one request of *token*.

        Raises RateLimitExceeded where its window has none left, and TryLater where too many processes count at once.
        """
        purse = self._purses.setdefault(token, _Purse())
        with holding(purse.lock, "Storage"):
            now = self._machine.clock.now()
            window = limit.window_of(now)
            if not limit.counts(purse.window, window):
                purse.begin(window)
            if not purse.held:
                self._refill(purse, token, limit, now)
            allowed = purse.held > 0
            if allowed:
                purse.held -= 1
                purse.made += 1
            allowance = Allowance(limit.max_requests, purse.left + purse.held, limit.seconds_left(purse.window, now))
        if not allowed:
            raise RateLimitExceeded(allowance)
        return allowance

    def forget(self, token: str) -> None:
        """Removes what was counted of *token*, which is revoked."""
        self._purses.pop(token, None)
        # A count that stays is of nobody, and the token is revoked in any case.
        with suppress(TryLater):
            self._store.delete(token)

    def _refill(self, purse: _Purse, token: str, limit: RateLimit, now: datetime) -> None:
        if purse.alone_until is None or purse.alone_until <= now:
            try:
                known = self._take(purse, token, limit, now)
            except TryLater:
                purse.alone_until = now + _ALONE
            else:
                if not known:
                    raise TryLater("Too many processes count the requests of one token at this moment.", _SECOND)
                return
        purse.held, purse.left = (1, limit.max_requests - purse.made - 1) if purse.made < limit.max_requests else (0, 0)

    def _take(self, purse: _Purse, token: str, limit: RateLimit, now: datetime) -> bool:
        """
        Takes requests from the row, where it has any; false where others were faster each time.

        Raises TryLater where storage does not answer.
        """
        want = purse.pace(now)
        for number in range(_TRIES):
            row = purse.row or self._store.get(token)
            before = row.value if row else RequestCount()
            count, granted = before.take(limit, window=limit.window_of(now), want=want)
            purse.window, purse.left = count.window, limit.max_requests - count.taken
            if not granted:
                # What is known of a window that is spent needs no asking: nobody gives anything back.
                purse.row = row
                return True
            try:
                purse.row = self._store.replace(token, count, row.etag) if row else self._store.insert(token, count)
            except Changed:
                purse.row = None
                pause(number, self._machine.randomness)
                continue
            purse.held = granted
            return True
        return False
