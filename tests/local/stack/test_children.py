"""The stack's processes: watched, and gone when the stack is."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.stack import signals
from local.stack.children import child
from local.stack.errors import StackRefused

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_whole_group_is_stopped() -> None:
    """What a child has started ends with it."""
    with child("The parent", ["/bin/sh", "-c", "sleep 60 & wait"]) as parent:
        family = psutil.Process(parent.pid)
        parent.wait_until(lambda: bool(family.children()))
        grandchild = family.children()[0]
    psutil.wait_procs([family, grandchild], timeout=60)
    assert not family.is_running()
    assert not grandchild.is_running()


def test_dead_child_is_reported(tmp_path: Path) -> None:
    """A child that ends by itself is named, with its code and the last lines of its log."""
    program = "import sys; print('first'); print('the disk is full'); sys.exit(3)"
    command = [sys.executable, "-c", program]
    with child("The printer", command, log=tmp_path / "log") as printer, pytest.raises(StackRefused) as refusal:
        printer.wait_until(lambda: False)
    assert str(refusal.value) == "The printer has ended with code 3. It said:\n  first\n  the disk is full"


def test_late_child_is_reported(tmp_path: Path) -> None:
    """A child that does not become ready in time is named, with the place of its log."""
    log = tmp_path / "log"
    sentence = f"The sleeper did not answer within 0 seconds; its log is {log}"
    with child("The sleeper", SLEEP, log=log) as sleeper, pytest.raises(StackRefused, match=sentence):
        sleeper.wait_until(lambda: False, seconds=0.1)


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Listens for a stop as the command does, and leaves the signals as they were."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(signals, "_state", signals._State())
    signals.listen()
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("listening")
def test_stop_waits_until_a_child_is_known() -> None:
    """A stop that comes while a process is started is held until the process is on record; a second one is nothing."""
    reached = []

    def start() -> None:
        with signals.held():
            signal.raise_signal(signal.SIGTERM)
            reached.append("recorded")

    with pytest.raises(signals.Stopped):
        start()
    signal.raise_signal(signal.SIGINT)
    assert reached == ["recorded"]
