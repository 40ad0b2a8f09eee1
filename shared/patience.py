"""
Patience: how long whoever waits for the work at hand waits in vain.

A person waits for the API, and nobody for a message of a queue. So a call of the API has some patience, and each wait
that comes to nothing (a try that storage did not answer, a lock that nobody let go) wears it out, whichever step of the
call that was. What gets an answer costs none, so long work that goes on is not cut short. Without patience set, which
is everywhere else, nothing is.

It stands outside the layers, beneath the ports: functions set it, services and adapters keep to it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from threading import TIMEOUT_MAX, Lock
from time import monotonic

from shared.domain.errors import TryLater


@dataclass
class _Patience:
    seconds: float


_ours: ContextVar[_Patience | None] = ContextVar("patience", default=None)


@contextmanager
def patience(limit: timedelta) -> Iterator[None]:
    """Has what happens inside wait in vain no longer than *limit*, also in threads that inherit the context."""
    token = _ours.set(_Patience(limit.total_seconds()))
    try:
        yield
    finally:
        _ours.reset(token)


def left() -> float:
    """Returns how many seconds may be waited, without end where nobody waits; raises TryLater where there are none."""
    ours = _ours.get()
    if ours is None:
        return inf
    if ours.seconds <= 0:
        raise over()
    return ours.seconds


def waste(seconds: float) -> None:
    """Wears patience out by so many seconds, which came to nothing."""
    ours = _ours.get()
    if ours is not None:
        ours.seconds -= seconds


def over() -> TryLater:
    """Returns what ends work that nobody waits for any longer; whether its last step was done is not known."""
    return TryLater("What this needs did not answer in time.")


@contextmanager
def holding(lock: Lock) -> Iterator[None]:
    """Holds *lock*; raises TryLater where patience ends before whoever has it lets go."""
    began = monotonic()
    taken = lock.acquire(timeout=min(left(), TIMEOUT_MAX))
    waste(monotonic() - began)
    if not taken:
        raise over()
    try:
        yield
    finally:
        lock.release()
