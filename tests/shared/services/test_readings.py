"""Readings: what is read together, and what waits for room."""

from collections.abc import Sequence

import pytest

from shared.domain.mailboxes import mailbox_key
from shared.domain.messages import Message
from shared.domain.permits import PLACES
from shared.group_commit import GroupCommit
from shared.ports.machine import Machine
from shared.ports.microsoft365 import ReadRequest
from shared.services.permits import Permits
from shared.services.readings import Readings
from tests.factories import a_message, an_app, an_outlook_app
from tests.fakes.clock import FakeClock
from tests.fakes.log import FakeLog
from tests.fakes.microsoft365 import FakeMessageReader
from tests.fakes.randomness import FakeRandomness
from tests.fakes.stores import FakePermitStore

APP = an_app()
ADA = {mailbox_key(APP, "ada")}


class Reads:
    """Readings of one process, and others that want the same places."""

    def __init__(self) -> None:
        self.store, self.machine = FakePermitStore(), Machine(FakeClock(), FakeRandomness(), FakeLog())
        self.alone, self.gathered, self.delegated = FakeMessageReader(), FakeMessageReader(), FakeMessageReader()
        for reader in (self.alone, self.gathered, self.delegated):
            reader.keep(*(a_message(id=f"m{number}") for number in range(50)))
        commit, sidecar = (GroupCommit(reader.read, full=20) for reader in (self.gathered, self.delegated))
        self.readings = Readings(commit, self.alone, Permits(self.store, self.machine), sidecar)

    def occupy(self) -> None:
        """Have other processes take every place of ada's."""
        for _ in range(PLACES):
            other = Permits(self.store, self.machine)
            for mailbox in ADA:
                assert other.enter(mailbox)
                assert other.holds(mailbox)


@pytest.fixture
def reads() -> Reads:
    """Return readings of a process."""
    return Reads()


def asks(user: str, numbers: Sequence[int]) -> list[ReadRequest]:
    """Ask for messages of a mailbox."""
    return [ReadRequest(APP, user, f"m{number}", complete=True) for number in numbers]


def test_a_mailbox_that_is_not_crowded_needs_no_permit(reads: Reads) -> None:
    """Reads go into common batches, come back in order, and storage is not asked."""
    readings = reads.readings.read(asks("ada", range(30)), set())
    assert [reading.id for reading in readings if isinstance(reading, Message)] == [f"m{n}" for n in range(30)]
    assert sorted(map(len, reads.gathered.rounds)) == [10, 20]
    assert (reads.alone.rounds, reads.store.requests) == ([], 0)


def test_a_crowded_mailbox_is_read_apart(reads: Reads) -> None:
    """What is crowded is read a batch at a time under a permit, beside the rest, and the permit is given back."""
    readings = reads.readings.read([*asks("eve", [49]), *asks("ada", range(45))], ADA)
    assert [reading.id for reading in readings if isinstance(reading, Message)] == [
        "m49",
        *(f"m{n}" for n in range(45)),
    ]
    assert list(map(len, reads.alone.rounds)) == [20, 20, 5]
    assert list(map(len, reads.gathered.rounds)) == [1]
    reads.occupy()


def test_without_a_permit_there_is_no_reading(reads: Reads) -> None:
    """Where other processes have all places, the crowded mailbox's messages wait, and only those."""
    reads.occupy()
    readings = reads.readings.read([*asks("ada", [1]), *asks("eve", [2]), *asks("ada", [3])], ADA)
    assert [isinstance(reading, Message) for reading in readings] == [False, True, False]
    assert readings[0] is None
    assert reads.alone.rounds == []


def test_a_permit_that_is_lost_on_the_way_ends_the_reading(reads: Reads, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading that takes long asks again before each batch; what is left when the place is gone waits."""
    answers = iter([True, True, False])
    monkeypatch.setattr(reads.readings.permits, "holds", lambda _: next(answers))
    readings = reads.readings.read(asks("ada", range(45)), ADA)
    assert [reading is None for reading in readings] == [False] * 40 + [True] * 5


def test_where_users_sign_in_nothing_is_crowded(reads: Reads) -> None:
    """Mail of users goes to the sidecar in batches of its own, beside Graph's, and needs no permit."""
    app = an_outlook_app()
    delegated = [ReadRequest(app, "ada", f"m{number}", complete=True) for number in range(25)]
    readings = reads.readings.read([*asks("eve", [49]), *delegated], {*ADA, mailbox_key(app, "ada")})
    assert [reading.id for reading in readings if isinstance(reading, Message)] == [
        "m49",
        *(f"m{n}" for n in range(25)),
    ]
    assert sorted(map(len, reads.delegated.rounds)) == [5, 20]
    assert [[request.message for request in some] for some in reads.gathered.rounds] == [["m49"]]
    assert (reads.alone.rounds, reads.store.requests) == ([], 0)
