"""
Pauses: processes that write one row in step would stay in step, and the same ones would be too late each time.

So who is too late waits for a moment that chance chooses, up to 2 ms, and up to twice as long each time after that.
"""

import time

from shared.ports.machine import Randomness

_FIRST, _LONGEST = 0.002, 0.1


def pause(number: int, randomness: Randomness) -> None:
    """Waits before the try that follows the one of this *number*, which counts from 0."""
    time.sleep(randomness.fraction() * min(_FIRST * 2**number, _LONGEST))
