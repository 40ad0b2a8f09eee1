"""Permits: processes that share the places of a crowded mailbox."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from shared.domain.errors import Changed, TryLater
from shared.domain.permits import PLACES, VALID, Permit
from shared.ports.machine import Machine
from shared.ports.records import Stored
from shared.services.permits import Permits
from tests.contracts.newer import NEWER, newer
from tests.fakes.clock import FakeClock
from tests.fakes.faults import Faulty
from tests.fakes.log import FakeLog
from tests.fakes.randomness import FakeRandomness
from tests.fakes.stores import FakePermitStore

SECOND = timedelta(seconds=1)


class Machines:
    """Processes with one store, and the clock that all of them read."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = Faulty(FakePermitStore())
        self.randomness = FakeRandomness()

    def process(self) -> Permits:
        """Start a process."""
        return Permits(self.store.port, Machine(self.clock, self.randomness, FakeLog()))

    def processes(self, number: int) -> list[Permits]:
        """Start several."""
        return [self.process() for _ in range(number)]


@pytest.fixture
def machines() -> Machines:
    """Return machines without a process."""
    return Machines()


def reads(permits: Permits, mailbox: str = "ada") -> bool:
    """Begin to read, for good."""
    return permits.enter(mailbox) and permits.holds(mailbox)


def test_three_processes_read_a_mailbox(machines: Machines) -> None:
    """Of many processes three may read a crowded mailbox; another mailbox has places of its own."""
    processes = machines.processes(8)
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(reads, processes)) == PLACES
    assert sum(reads(process, "eve") for process in processes) == PLACES


def test_a_permit_costs_nothing_while_it_is_good(machines: Machines) -> None:
    """A permit is two requests when it is taken, none for a while, and one when it is renewed."""
    process, store = machines.process(), machines.store.inner
    assert reads(process)
    assert store.requests == 2
    for _ in range(14):
        machines.clock.advance(SECOND)
        assert process.holds("ada")
    assert store.requests == 2
    machines.clock.advance(SECOND)
    assert process.holds("ada")
    assert store.requests == 3
    assert sum(reads(other) for other in machines.processes(5)) == PLACES - 1


def test_a_permit_that_came_late_is_none(machines: Machines) -> None:
    """Where storage takes so long to answer that a read would end after its permit, the read does not begin."""

    class Slow(FakePermitStore):
        """Answers after a while."""

        def insert(self, permit: Permit) -> Stored[Permit]:
            """Add a permit."""
            machines.clock.advance(VALID / 2)
            return super().insert(permit)

    machines.store = Faulty(Slow())
    process = machines.process()
    assert not reads(process)
    assert process.holds("ada")


def test_who_is_done_makes_room(machines: Machines) -> None:
    """A permit goes back when the last one here is done, and is taken again with one request."""
    first, *others, last = machines.processes(4)
    assert first.enter("ada")
    assert all(reads(process) for process in (first, *others))
    first.leave("ada")
    assert not reads(last)
    first.leave("ada")
    machines.clock.advance(SECOND)
    assert last.holds("ada")
    last.leave("ada")
    before = machines.store.inner.requests
    assert reads(last)
    assert machines.store.inner.requests == before + 1


def test_a_process_that_died_costs_its_time(machines: Machines) -> None:
    """The place of a process that says nothing any more is free after its time and some seconds, not before."""
    dead = machines.processes(PLACES)
    assert all(reads(process) for process in dead)
    process = machines.process()
    assert process.enter("ada")
    machines.clock.advance(VALID)
    assert not process.holds("ada")
    machines.clock.advance(5 * SECOND)
    assert process.holds("ada")
    # One that was only asleep finds its place taken, and another one of those that are free.
    assert dead[0].holds("ada")
    assert sum(other.holds("ada") for other in (process, *dead)) == PLACES


def test_few_threads_of_a_process_are_at_a_mailbox(machines: Machines) -> None:
    """A third thread is not let in, until one of two leaves."""
    process = machines.process()
    assert [process.enter("ada") for _ in range(3)] == [True, True, False]
    assert process.enter("eve")
    process.leave("ada")
    assert process.enter("ada")


def test_a_refusal_is_not_repeated_at_once(machines: Machines) -> None:
    """Who was refused asks storage again after a second, not for each message."""
    assert all(reads(process) for process in machines.processes(PLACES))
    process = machines.process()
    assert not reads(process)
    before = machines.store.inner.requests
    assert not process.holds("ada")
    assert machines.store.inner.requests == before
    machines.clock.advance(SECOND)
    assert not process.holds("ada")
    assert machines.store.inner.requests == before + 1


def test_a_lost_answer_loses_no_place(machines: Machines) -> None:
    """A place that was taken though storage's answer said otherwise is ours when we ask again."""
    process = machines.process()
    machines.store.fail("insert", TryLater("Storage cannot be reached."), after=True)
    assert process.enter("ada")
    with pytest.raises(TryLater):
        process.holds("ada")
    assert process.holds("ada")
    assert [stored.value.place for stored in machines.store.inner.of("ada")] == [0]


def test_who_is_faster_takes_one_place_only(machines: Machines) -> None:
    """Where another process takes a place first, the next one is tried."""
    machines.store.fail("insert", Changed("Taken."))
    assert reads(machines.process())
    assert [stored.value.place for stored in machines.store.inner.of("ada")] == [1]


def test_storage_that_fails_holds_nobody_up_when_leaving(machines: Machines) -> None:
    """A permit that cannot be given back ends by itself; nothing is raised."""
    process = machines.process()
    assert reads(process)
    machines.store.fail("replace", TryLater("Storage cannot be reached."))
    process.leave("ada")
    assert reads(process)


def test_memory_is_bounded(machines: Machines) -> None:
    """Mailboxes that were crowded once are forgotten."""
    process = machines.process()
    for number in range(1500):
        assert reads(process, f"mailbox-{number}")
        process.leave(f"mailbox-{number}")
    assert len(process._known) <= 1000
    assert len(process._inside) == 0


def test_a_place_keeps_what_a_newer_version_added(machines: Machines) -> None:
    """Who takes over a place that has lapsed leaves in its row what is not known here."""
    assert reads(machines.process())
    (first,) = machines.store.port.of("ada")
    machines.store.port.replace(newer(first.value), first.etag)
    machines.clock.advance(VALID * 2)
    for other in machines.processes(PLACES):
        assert reads(other)
    assert NEWER in dict(machines.store.port.of("ada")[0].value)
