"""Troubles of one account: what is told of them, and how long to wait before the next attempt."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from shared.domain.errors import MailboxRefused, RelayError, SignInRefused, TryLater
from sidecar.imap.errors import Code, Refusal, as_relay_error

Told = SignInRefused | MailboxRefused | TryLater

# A lost connection is nobody's business while the next attempt brings it back.
_SILENT = 2
# That a mailbox is not connected is for a while as likely the server's mood as a missing permission.
_SILENT_NOT_CONNECTED = 4
_NOT_CONNECTED_FIRST = 30.0
_NOT_CONNECTED_MOST = 600.0
_HOUR = 3600.0
# Full jitter: up to twice as long each time, and no longer than this.
_MOST = 900.0
# A session that lived for this long was a good one.
_GOOD = 60.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to tell, if anything, and how long to wait; `firm` is how much of it nobody may shorten."""

    told: Told | None
    wait: float
    firm: float = 0.0


@dataclass(slots=True)
class Troubles:
    """
    Counts failed attempts in a row; *asked* says that somebody waits for a word on the next one.

    Waiting is in seconds, with jitter, so that what failed together does not come back together.
    """

    asked: bool
    chance: Callable[[], float] = field(default=random.random)
    _attempts: int = 0
    _told: bool = False

    def lived(self, seconds: float) -> None:
        """Notes how long the mailbox was open before what happens now."""
        self._told = self.asked = False
        if seconds >= _GOOD:
            self._attempts = 0

    def met(self, problem: RelayError | Refusal) -> Verdict:
        """Returns what to do about *problem*."""
        self._attempts += 1
        told = _in_our_words(problem)
        if isinstance(told, SignInRefused | MailboxRefused):
            self.asked = False
            return Verdict(told, self._varied(_HOUR))
        not_connected = told.reason == Code.NOT_CONNECTED
        firm = self._varied(told.retry_after.total_seconds() * 1.1) if told.retry_after else 0.0
        wait = max(firm, self._not_connected_wait() if not_connected else self._wait())
        silent = _SILENT_NOT_CONNECTED if not_connected else _SILENT
        if not self.asked and (self._told or self._attempts <= silent):
            return Verdict(None, wait, firm)
        self._told, self.asked = True, False
        return Verdict(TryLater(str(told), timedelta(seconds=wait), reason=told.reason, mend=told.mend), wait, firm)

    def _wait(self) -> float:
        return self.chance() * min(_MOST, 2.0 * 2.0**self._attempts)

    def _not_connected_wait(self) -> float:
        if self._attempts > _SILENT_NOT_CONNECTED:
            return self._varied(_HOUR)
        return self._varied(min(_NOT_CONNECTED_MOST, _NOT_CONNECTED_FIRST * 2.0 ** (self._attempts - 1)))

    def _varied(self, seconds: float) -> float:
        return seconds * (1 + 0.2 * self.chance())


def _in_our_words(problem: RelayError | Refusal) -> Told:
    if isinstance(problem, Refusal):
        refused = as_relay_error(problem)
        if isinstance(refused, Told):
            return refused
        return TryLater(str(refused), reason=problem.code, mend=problem.mend)
    return problem if isinstance(problem, Told) else TryLater(str(problem))
