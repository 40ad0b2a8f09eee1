"""Who is at a mailbox."""

import threading
import time
from datetime import timedelta

import pytest

from shared.adapters.graph.slots import Slots
from shared.domain.errors import TryLater
from shared.patience import left, patience

NOW = timedelta()


def test_a_mailbox_has_one_slot() -> None:
    """A slot that is taken is refused until it is given back, and another mailbox is not concerned."""
    slots = Slots()
    with slots.changed:
        assert slots.take("ada", "first")
        assert not slots.take("ada", "second")
        assert slots.take("eve", "second")
        slots.give_back(["ada"])
        assert slots.take("ada", "second")


def test_nobody_is_passed_over() -> None:
    """Who stands in line gets the slot before who came later, until he leaves the line."""
    slots = Slots()
    with slots.changed:
        assert slots.take("ada", "first")
        assert not slots.take("ada", "second")
        assert not slots.take("ada", "third")
        slots.give_back(["ada"])
        assert not slots.take("ada", "first")
        assert not slots.take("ada", "third")
        slots.leave("second", but=["ada"])
        assert not slots.take("ada", "third")
        slots.leave("second")
        assert slots.take("ada", "third")
        slots.give_back(["ada"])
        assert slots.take("ada", "first")
    assert slots._lines == {}


def test_waiting_ends_with_the_slot() -> None:
    """Many threads that want a mailbox alone have it one after the other."""
    slots = Slots()
    inside, most = 0, 0

    def look() -> None:
        nonlocal inside, most
        with slots.alone("ada"):
            inside += 1
            most = max(most, inside)
            time.sleep(0.005)
            inside -= 1

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (most, inside) == (1, 0)
    assert slots._taken == set()


def test_waiting_ends_with_patience() -> None:
    """Who waits for a busy mailbox longer than he will, or may, is told to try later, and stands in no line."""
    slots = Slots()
    with slots.alone("ada"):
        with pytest.raises(TryLater), slots.alone("ada", NOW):
            pass
        with patience(timedelta(milliseconds=10)):
            with pytest.raises(TryLater, match="The mailbox is busy"), slots.alone("ada", timedelta(hours=1)):
                pass
            with pytest.raises(TryLater, match="The mailbox did not answer"):
                left()
        assert slots._lines == {}


def test_what_graph_asks_for_keeps_everybody_off() -> None:
    """A wait that Graph asks for is everybody's: the next to come is told how long it is, if it is beyond him."""
    slots = Slots()
    with pytest.raises(TryLater), slots.alone("ada"):
        raise TryLater("Graph is throttled.", timedelta(seconds=60))
    with pytest.raises(TryLater) as told, slots.alone("ada", NOW):
        pass
    assert told.value.retry_after is not None
    assert timedelta(seconds=30) < told.value.retry_after <= timedelta(seconds=60)
    with slots.alone("eve", NOW):
        pass


def test_a_quiet_mailbox_is_forgotten_when_its_time_is_over() -> None:
    """The latest moment of quiet counts, until it has passed."""
    slots = Slots()
    slots.quieten("ada", 20.0)
    slots.quieten("ada", 10.0)
    assert slots.quiet_until("ada", 15.0) == 20.0
    assert slots.quiet_until("ada", 21.0) <= 21.0
    assert slots._quiet == {}
