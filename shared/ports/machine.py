"""The machine itself: time, chance, the log, and whether what we depend on answers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Returns the moment, aware, in UTC."""


class Randomness(Protocol):
    """Makes what nobody can guess, and chance."""

    def account_id(self) -> str:
        """Returns 16 characters of [0-9a-z]."""

    def app_id(self) -> str:
        """Returns 16 base64url characters that sort by time."""

    def nonce(self) -> str:
        """Returns 22 base64url characters."""

    def token(self) -> str:
        """Returns 64 hex digits."""

    def fraction(self) -> float:
        """Returns a number in [0, 1), for jitter."""


class Log(Protocol):
    """Keeps one structured line per unit of work."""

    def event(self, name: str, **fields: object) -> None:
        """Writes the event *name* (`delivery.attempted`) with its fields; never mail content, never a secret."""

    def problem(self, name: str, **fields: object) -> None:
        """Writes an event that an operator should look at."""


@dataclass(frozen=True)
class Machine:
    """Time, chance and the log in one hand, for who needs more than one of them; who needs one takes that one."""

    clock: Clock
    randomness: Randomness
    log: Log


class Dependency(Protocol):
    """Something that the product needs and that may not answer."""

    name: str

    def check(self) -> None:
        """Returns in well under a second where it answers; raises TryLater where it does not."""
