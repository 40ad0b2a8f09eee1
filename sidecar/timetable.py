"""
The timetable of a mailbox: when its folders are looked at, its flags read again, and its connections renewed.

Moments are the loop's, in seconds. Every wait varies by a tenth, so that mailboxes that began together drift apart.
"""

import random
from dataclasses import dataclass
from datetime import timedelta

# A session ends with its token, so another connection takes over before that: a share of the token's life, at most.
_EARLY = timedelta(minutes=9)
_EARLY_SHARE = 0.15
_RENEW_AGAIN = 30.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, in seconds: folders without an ear are looked at, and flags read again, of the newest and of all."""

    poll: float = 300.0
    scan: float = 300.0
    full: float = 3600.0


@dataclass(slots=True)
class Timetable:
    """When each is due next; before `begin`, all is."""

    pace: Pace
    poll: float = 0.0
    scan: float = 0.0
    full: float = 0.0
    renew: float = 0.0

    def begin(self, now: float) -> None:
        """Plans all that comes back, for a mailbox that was just looked through."""
        self.done(now, poll=True, scan=True)
        # After a deploy not every mailbox reads all its flags in the same minute.
        self.full = now + self.pace.full * random.random()  # noqa: S311  no secret

    def stir(self, now: float) -> None:
        """Has a look at everything be due."""
        self.poll = self.scan = now

    def done(self, now: float, *, poll: bool = False, scan: bool = False, full: bool = False) -> None:
        """Plans anew what was done."""
        if poll:
            self.poll = now + self.pace.poll * _varied()
        if scan:
            self.scan = now + self.pace.scan * _varied()
        if full:
            self.full = now + self.pace.full * _varied()

    def expire(self, now: float, left: timedelta) -> None:
        """Plans to renew in good time before the first token expires, which has *left*."""
        early = min(_EARLY, left * _EARLY_SHARE)
        self.renew = now + max(1.0, (left - early).total_seconds())

    def renew_again(self, now: float, left: timedelta) -> None:
        """Plans another attempt: there was no new token yet, and the present one has *left*."""
        self.renew = now + min(_RENEW_AGAIN, max(1.0, left.total_seconds()))

    def wait(self, now: float) -> float:
        """Returns how long nothing is due."""
        return max(0.0, min(self.poll, self.scan, self.full, self.renew) - now)


def _varied() -> float:
    return 0.9 + 0.2 * random.random()  # noqa: S311  no secret
