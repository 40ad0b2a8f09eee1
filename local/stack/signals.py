"""How the stack is told to stop: Ctrl-C and SIGTERM end what is going on; what must not be broken off is held."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):
    """Somebody asked the stack to stop."""


@dataclass
class _State:
    holding: bool = False
    asked: bool = False


_state = _State()


def listen() -> None:
    """Makes both signals raise Stopped in the main thread, once."""
    for number in _NUMBERS:
        signal.signal(number, _asked)


@contextmanager
def held() -> Iterator[None]:
    """Holds a stop back until the block is done, so that no process is started and forgotten, or half stopped."""
    _state.holding = True
    try:
        yield
    finally:
        _state.holding = False
    if _state.asked:
        raise Stopped


def _asked(_number: int, _frame: FrameType | None) -> None:
    first, _state.asked = not _state.asked, True
    # A second Ctrl-C must not break off the clearing up that the first one began.
    if first and not _state.holding:
        raise Stopped
