"""How much of a mailbox may be in flight."""

from collections import Counter

from shared.adapters.graph.slots import Slots


def test_a_busy_mailbox_takes_no_more_than_its_limit() -> None:
    """Reads of one mailbox in several batches stay within the limit, and another mailbox is not concerned."""
    slots = Slots(3)
    assert [slots.take("ada", 0) for _ in range(5)] == [True, True, True, False, False]
    assert slots.take("eve", 0)
    with slots.changed:
        slots.give_back(Counter(["ada"]))
    assert [slots.take("ada", 0) for _ in range(2)] == [True, False]


def test_an_idle_mailbox_fills_a_batch() -> None:
    """A batch that has a mailbox for itself takes any number of it, and nobody else takes any meanwhile."""
    slots = Slots(3)
    assert all(slots.take("ada", number) for number in range(20))
    assert not slots.take("ada", 0)
    with slots.changed:
        slots.give_back(Counter({"ada": 20}))
    assert slots.take("ada", 0)


def test_a_quiet_mailbox_is_forgotten_when_its_time_is_over() -> None:
    """The latest moment of quiet counts, until it has passed."""
    slots = Slots(3)
    slots.quieten("ada", 20.0)
    slots.quieten("ada", 10.0)
    assert slots.quiet_until("ada", 15.0) == 20.0
    assert slots.quiet_until("ada", 21.0) <= 21.0
    assert slots._quiet == {}
