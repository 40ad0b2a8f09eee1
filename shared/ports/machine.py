"""The machine itself: time, chance, the log, and whether what we depend on answers."""

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


class Dependency(Protocol):
    """Something that the product needs and that may not answer."""

    name: str

    def check(self) -> None:
        """Returns in well under a second where it answers; raises TryLater where it does not."""
