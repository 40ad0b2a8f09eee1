"""Pauses: of chance, ever longer, and never long."""

import pytest

from shared.services import pauses
from tests.fakes.randomness import FakeRandomness


def test_a_pause_grows_to_a_tenth_of_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is too late again waits for twice as long, up to the same for ever, as chance has it."""
    waits: list[float] = []
    monkeypatch.setattr(pauses.time, "sleep", waits.append)
    for number in (0, 1, 5, 6, 1000):
        pauses.pause(number, FakeRandomness(0.5))
    assert waits == [0.001, 0.002, 0.032, 0.05, 0.05]
