"""Lanes: a slow one holds up nobody but itself."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.adapters.webhook_http.lanes import Lanes


def test_full_lane_waits_and_another_does_not() -> None:
    """Beyond its limit a lane's work waits its turn, while another lane's work runs at once."""
    go = threading.Event()
    with ThreadPoolExecutor(8) as threads:
        lanes: Lanes[bool] = Lanes(threads, limit=2)
        slow = [lanes.run("slow", lambda: go.wait(60)) for _ in range(3)]
        assert lanes.run("quick", lambda: True).result(timeout=60)
        assert not slow[2].running()
        go.set()
        assert all(future.result(timeout=60) for future in slow)


def test_cancelled_work_is_never_done() -> None:
    """What was cancelled while it waited is passed over, and what stands behind it runs."""
    go, done = threading.Event(), []
    with ThreadPoolExecutor(2) as threads:
        lanes: Lanes[object] = Lanes(threads, limit=1)
        first = lanes.run("a", lambda: go.wait(60))
        tired = lanes.run("a", lambda: done.append("tired"))
        last = lanes.run("a", lambda: done.append("last"))
        assert tired.cancel()
        go.set()
        last.result(timeout=60)
        first.result(timeout=60)
    assert done == ["last"]


def test_failure_reaches_its_own_waiter_only() -> None:
    """Work that raises fails its own future, and the lane goes on."""
    with ThreadPoolExecutor(1) as threads:
        lanes: Lanes[float] = Lanes(threads, limit=1)
        broken = lanes.run("a", lambda: 1 / 0)
        assert lanes.run("a", lambda: 1.0).result(timeout=60) == 1.0
        with pytest.raises(ZeroDivisionError):
            broken.result(timeout=60)


def test_empty_lane_takes_no_memory() -> None:
    """A lane that is done leaves nothing behind."""
    with ThreadPoolExecutor(1) as threads:
        lanes: Lanes[int] = Lanes(threads, limit=1)
        for lane in "abc":
            lanes.run(lane, lambda: 1).result(timeout=60)
    assert not lanes._running
    assert not lanes._waiting
