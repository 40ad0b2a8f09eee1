"""
Patience: how long whoever waits for the work at hand waits in vain.

A person waits for the API, and nobody for a message of a queue. So a call of the API has some patience, and each wait
that comes to nothing (a try that storage did not answer, a lock that nobody let go) wears it out, whichever step of the
call that was. What gets an answer costs none, so long work that goes on is not cut short. Without patience set, which
is everywhere else, nothing is.

It stands outside the layers, beneath the ports: functions set it, services and adapters keep to it.
"""

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from threading import TIMEOUT_MAX, Lock
from time import monotonic
from typing import TypeVar

from shared.domain.errors import TryLater

Result = TypeVar("Result")


@dataclass
class _Patience:
    """How many seconds are left, and upon what the last were waited."""

    seconds: float
    upon: str = "What this needs"


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


def waste(seconds: float, upon: str) -> None:
    """Wears patience out by so many seconds, in which *upon* was waited for and did nothing."""
    ours = _ours.get()
    if ours is not None:
        ours.seconds -= seconds
        ours.upon = upon


def over() -> TryLater:
    """Returns what ends work that nobody waits for any longer; whether its last step was done is not known."""
    ours = _ours.get()
    return TryLater(f"{ours.upon if ours else _Patience.upon} did not answer in time.")


@contextmanager
def holding(lock: Lock, upon: str) -> Iterator[None]:
    """Holds *lock*; raises TryLater where patience ends before whoever has it, and waits for *upon*, lets go."""
    began = monotonic()
    taken = lock.acquire(timeout=min(left(), TIMEOUT_MAX))
    waste(monotonic() - began, upon)
    if not taken:
        raise over()
    try:
        yield
    finally:
        lock.release()


def answered(answer: "Future[Result]", upon: str) -> Result:
    """Returns the *answer* of *upon* that somebody else waits for; raises TryLater where patience ends before."""
    began = monotonic()
    try:
        return answer.result(timeout=min(left(), TIMEOUT_MAX))
    except TimeoutError:
        if answer.done():
            raise
        waste(monotonic() - began, upon)
        raise over() from None
