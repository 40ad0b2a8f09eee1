"""Once: a process has one of each part."""

import time
from concurrent.futures import ThreadPoolExecutor

from shared.wiring.once import Once


def test_threads_that_come_first_together_share_the_part() -> None:
    """Where many threads ask for a part before there is one, one of them makes it, and all get the same."""
    made: list[object] = []

    @Once
    def make() -> object:
        time.sleep(0.02)
        made.append(object())
        return made[-1]

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: make(), range(8))) == {made[0]}
    assert len(made) == 1


def test_a_part_that_is_forgotten_is_made_anew() -> None:
    """After it is told to forget, the next call makes another part."""
    make = Once(object)
    first = make()
    make.forget()
    assert make() is not first
