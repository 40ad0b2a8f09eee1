"""Once: a part of which a process has one, made when it is first asked for."""

from collections.abc import Callable
from functools import cache
from threading import Lock
from typing import Generic, TypeVar

Part = TypeVar("Part")


class Once(Generic[Part]):
    """
    Makes a part at the first call, one for the process, also where threads come for it together.

    A cache alone would let each of them make its own; but slots and permits count for all threads of the process.
    """

    def __init__(self, make: Callable[[], Part]) -> None:
        self._kept = cache(make)
        self._lock = Lock()

    def __call__(self) -> Part:
        """Returns the part."""
        with self._lock:
            return self._kept()

    def forget(self) -> None:
        """Has the next call make another, from the environment as it is then."""
        self._kept.cache_clear()
