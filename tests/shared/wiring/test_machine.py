"""The machine: its own clock, unless a test brings another."""

from datetime import UTC, datetime, timedelta

from shared.wiring.machine import machine_of
from tests.fakes.clock import FakeClock
from tests.fakes.log import FakeLog


def test_the_clock_is_the_machines() -> None:
    """Without another one the clock tells the real time."""
    assert abs(machine_of(FakeLog()).clock.now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_test_brings_a_clock() -> None:
    """A clock that is given takes the place of the real one, and the log is the one that is given."""
    clock, log = FakeClock(), FakeLog()
    made = machine_of(log, clock)
    assert (made.clock, made.log) == (clock, log)
