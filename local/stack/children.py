"""
The processes that the stack starts: each leads a group of its own, is watched, and is stopped with its whole group.

A group of its own also keeps Ctrl-C at the terminal from reaching them all at once: the function app finishes what is
under way before the storage beneath it goes.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local.stack import signals
from local.stack.errors import StackRefused

ROOT = Path(__file__).resolve().parents[2]

_LAST_LINES = 15
_PATIENCE = 15.0  # the host gives what is under way 10 seconds
_START = 150.0


@dataclass(frozen=True)
class Child:
    """A process that was started here; without a log it speaks to the terminal."""

    name: str
    process: "subprocess.Popen[bytes]"
    log: Path | None = None

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self.process.pid

    def check(self) -> None:
        """Raises StackRefused with the last lines of the log where the process has ended."""
        code = self.process.poll()
        if code is None:
            return
        said = self.log.read_text(errors="replace").strip().splitlines()[-_LAST_LINES:] if self.log else []
        told = [f"{self.name} has ended with code {code}." + (" It said:" if said else "")]
        raise StackRefused("\n".join([*told, *(f"  {line}" for line in said)]))

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = _START) -> None:
        """Returns when *ready* says so; raises StackRefused where the process ends before, or takes too long."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                where = f"; its log is {self.log}" if self.log else ""
                raise StackRefused(f"{self.name} did not answer within {seconds:.0f} seconds{where}.")
            time.sleep(0.05)

    def stop(self) -> None:
        """Asks the process to end, and after a while makes its group end."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGTERM)
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            self.process.wait()


@contextmanager
def child(
    name: str, command: Sequence[str], *, log: Path | None = None, environment: Mapping[str, str] | None = None
) -> Iterator[Child]:
    """Runs a command at the repository's root until the block is left."""
    started: Child | None = None
    try:
        with signals.held():
            started = _start(name, command, log, environment)
        yield started
    finally:
        if started is not None:
            with signals.held():
                started.stop()


def _start(name: str, command: Sequence[str], log: Path | None, environment: Mapping[str, str] | None) -> Child:
    output = log.open("wb") if log else None
    try:
        process = subprocess.Popen(  # noqa: S603  our own commands, no shell
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
        )
    finally:
        if output:
            output.close()
    return Child(name, process, log)
