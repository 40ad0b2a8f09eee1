"""Randomness that counts instead."""

from itertools import count
from threading import Lock


class FakeRandomness:
    """Makes names that are told apart by a number, and always the same chance."""

    def __init__(self, fraction: float = 0.5) -> None:
        self.chance = fraction
        self._numbers = count(1)
        self._lock = Lock()

    def account_id(self) -> str:
        """Return 16 characters."""
        return f"account{self._next():09}"

    def app_id(self) -> str:
        """Return 16 characters that sort by time."""
        return f"app{self._next():013}"

    def nonce(self) -> str:
        """Return 22 characters."""
        return f"nonce{self._next():017}"

    def token(self) -> str:
        """Return 64 hex digits."""
        return f"{self._next():064x}"

    def fraction(self) -> float:
        """Return `chance`."""
        return self.chance

    def _next(self) -> int:
        with self._lock:
            return next(self._numbers)
