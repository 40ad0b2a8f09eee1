"""Behind the fence nothing is done that others would see."""

import pytest

from sidecar.fence import Fence, Fenced


def test_the_fence_closes_before_the_lease_is_over() -> None:
    """Nobody may act before the first beat, nor when the last one began more than 0.6 of the lease ago."""
    now = 100.0
    fence = Fence(10, lambda: now)
    assert (fence.open, fence.age) == (False, None)
    fence.beaten(fence.now())
    now += 5.9
    fence.check()
    now += 0.2
    assert not fence.open
    with pytest.raises(Fenced):
        fence.check()
