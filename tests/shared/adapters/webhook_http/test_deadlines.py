"""When an exchange is over, and what happens to its socket."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from time import monotonic, sleep
from typing import Any

import pytest

from shared.adapters.webhook_http.deadlines import Watchdog


@pytest.fixture
def watchdog() -> Iterator[Watchdog]:
    """Return a watchdog with deadlines of 0.2 s."""
    dog = Watchdog(timedelta(seconds=0.2))
    yield dog
    dog.close()


def test_waiting_read_is_cut(watchdog: Watchdog) -> None:
    """A read that waits for ever ends at the deadline, also where an earlier exchange set the thread's pace."""
    with watchdog.deadline():
        sleep(0.1)
    ours, theirs = socket.socketpair()
    started = monotonic()
    with ours, theirs, watchdog.deadline() as deadline, pytest.raises(TimeoutError), deadline.cutting(ours):
        assert_more(ours)
    assert 0.19 < monotonic() - started < 20


def test_socket_is_safe_after_its_exchange(time: Any, watchdog: Watchdog) -> None:
    """A connection that serves somebody else by then is not cut."""
    ours, theirs = socket.socketpair()
    with ours, theirs, watchdog.deadline() as deadline:
        with deadline.cutting(ours):
            pass
        time.is_up()
        while not deadline._expired:
            sleep(0.001)
        with pytest.raises(TimeoutError):
            deadline.remaining()
        theirs.sendall(b"x")
        assert ours.recv(1) == b"x"


def test_late_exchange_does_not_start(time: Any, watchdog: Watchdog) -> None:
    """After the deadline no socket is used any more."""
    ours, theirs = socket.socketpair()
    with ours, theirs, watchdog.deadline() as deadline:
        time.is_up()
        with pytest.raises(TimeoutError), deadline.cutting(ours):
            pytest.fail("The block ran.")


def assert_more(ours: socket.socket) -> None:
    """Read, and fail as a protocol does where the stream ends."""
    if not ours.recv(1):
        raise ConnectionResetError
