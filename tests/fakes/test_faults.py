"""Faults happen when they are asked for, and leave what a real fault leaves."""

import pytest

from shared.domain.errors import TryLater
from tests.contracts.examples import webhook
from tests.fakes.faults import Faulty
from tests.fakes.stores import FakeWebhookStore


@pytest.mark.parametrize("after", [False, True])
def test_a_fault_comes_before_or_after_the_work(*, after: bool) -> None:
    """A call that fails early did nothing, one that fails late did its work, and the next one succeeds."""
    faulty = Faulty(FakeWebhookStore())
    faulty.fail("insert", TryLater("busy"), after=after)
    with pytest.raises(TryLater):
        faulty.port.insert(webhook())
    assert (faulty.port.get("default") is not None) is after
    faulty.port.insert(webhook("another"))
    assert faulty.port.get("another") is not None
