"""The machine that the process runs on."""

from shared.adapters.system import SystemClock, SystemRandomness
from shared.ports.machine import Clock, Log, Machine


def machine_of(log: Log, clock: Clock | None = None) -> Machine:
    """Returns this machine, which tells *log*; *clock* takes the place of its own."""
    return Machine(clock or SystemClock(), SystemRandomness(SystemClock()), log)
