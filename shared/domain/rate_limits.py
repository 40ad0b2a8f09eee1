"""
Rate limits: how many requests a token may make in a window of time, over all processes together.

A window begins whenever the clock says a multiple of its length, so that all processes mean the same one. What is made
in it is taken from one count, of which a process may take several at once: a part of what is left, never more.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import Annotated

from pydantic import Field

from shared.domain.models import ApiModel, Carried

# Nobody takes more than a part of what is left, so that hardly anything is kept from whoever needs it.
_PART = 16
_LONGEST_WINDOW = 31 * 24 * 3600
# How far the clocks of processes may be apart.
_CLOCK_SKEW_SECONDS = 5


class NewRateLimit(ApiModel):
    """A rate limit as a request names it; `timeWindow` is in seconds."""

    max_requests: Annotated[int, Field(ge=1, le=1_000_000_000)]
    time_window: Annotated[int, Field(ge=1, le=_LONGEST_WINDOW)]


class RateLimit(Carried):
    """At most `max_requests` in every window of `time_window` seconds."""

    max_requests: int
    time_window: int

    def window_of(self, moment: datetime) -> int:
        """Returns the number of the window that *moment* lies in."""
        return int(moment.timestamp() // self.time_window)

    def counts(self, window: int, now: int) -> bool:
        """Tells whether what is counted in *window* counts *now*: another's clock may be a little ahead of ours."""
        return now <= window <= now + max(1, ceil(_CLOCK_SKEW_SECONDS / self.time_window))

    def seconds_left(self, window: int, now: datetime) -> int:
        """Returns after how many seconds *window* is over, 1 at least."""
        end = datetime.fromtimestamp((window + 1) * self.time_window, UTC)
        return max(1, ceil((end - now).total_seconds()))


class RequestCount(Carried):
    """How many requests of one token were `taken` in one `window`."""

    window: int = 0
    taken: int = 0

    def take(self, limit: RateLimit, *, window: int, want: int) -> tuple["RequestCount", int]:
        """Returns the count after up to *want* requests were taken in *window*, and how many those are."""
        # Where another's clock is a little ahead, its window is everybody's. One that is further ahead is just wrong.
        now = self if limit.counts(self.window, window) else self.model_copy(update={"window": window, "taken": 0})
        room = limit.max_requests - now.taken
        granted = min(want, ceil(room / _PART)) if room > 0 else 0
        return now.model_copy(update={"taken": now.taken + granted}), granted


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a token may still do: `remaining` requests of `limit`, until a new window in `reset` seconds."""

    limit: int
    remaining: int
    reset: int
