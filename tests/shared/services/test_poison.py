"""Poison: what was given up is seen, and whatever dies in between loses none of it."""

import pytest

from shared.domain.errors import Changed, PoisonNotFound, TryLater
from shared.domain.poison import PoisonQuery
from shared.ports.machine import Machine
from shared.services.poison import Poison
from tests.fakes.clock import FakeClock
from tests.fakes.faults import Faulty
from tests.fakes.log import FakeLog
from tests.fakes.poison import LEASE, FakePoisonQueue, FakePoisonStore
from tests.fakes.randomness import FakeRandomness

DIED = TryLater("Storage is busy.")


class Scene:
    """Poison with faults to come before its queue and its store."""

    def __init__(self) -> None:
        self.clock, self.log = FakeClock(), FakeLog()
        self.messages = FakePoisonQueue(self.clock)
        self.queue, self.store = Faulty(self.messages), Faulty(FakePoisonStore())
        self.poison = Poison(self.queue.port, self.store.port, Machine(self.clock, FakeRandomness(), self.log))

    def shown(self) -> list[tuple[str, bool]]:
        """Return the body of each row, and whether it was requeued."""
        rows = self.poison.page(PoisonQuery())["poison"]
        return [(row["body"], row["requeued"] is not None) for row in rows]


@pytest.fixture
def scene() -> Scene:
    """Return a scene in which two messages were given up."""
    made = Scene()
    made.messages.give_up("jobs", "a job")
    made.messages.give_up("retries", "a retry")
    return made


def test_what_was_given_up_is_seen(scene: Scene) -> None:
    """A drain makes a row of each message, ends the message, and has an operator look."""
    assert (scene.poison.drain(), scene.poison.drain()) == (2, 0)
    assert sorted(scene.shown()) == [("a job", False), ("a retry", False)]
    assert scene.messages.messages == {}
    assert scene.log.problems() == ["poison.kept"] * 2
    assert "a job" not in str(scene.log.lines)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["keep", "remove"])
def test_a_crash_repeats_a_step(scene: Scene, step: str, *, after: bool) -> None:
    """Wherever a drain dies, the next one finds what is left, and each message has one row in the end."""
    (scene.store if step == "keep" else scene.queue).fail(step, DIED, after=after)
    with pytest.raises(TryLater):
        scene.poison.drain()
    scene.clock.advance(LEASE)
    scene.poison.drain()
    assert sorted(scene.shown()) == [("a job", False), ("a retry", False)]
    assert scene.messages.messages == {}


def test_a_message_is_requeued(scene: Scene) -> None:
    """A message goes back to the queue where it failed, and its row says so."""
    scene.poison.drain()
    rows = scene.poison.page(PoisonQuery())["poison"]
    chosen = next(row for row in rows if row["queue"] == "retries")
    assert scene.poison.requeue(chosen["id"]) == {**chosen, "requeued": "2026-03-02T09:30:00.000Z"}
    assert scene.messages.requeued == [("retries", "a retry")]
    assert sorted(scene.shown()) == [("a job", False), ("a retry", True)]
    with pytest.raises(PoisonNotFound):
        scene.poison.requeue("1_nothing")


def test_a_message_is_dismissed(scene: Scene) -> None:
    """A message that is dismissed is gone, neither counted nor queued, and the log names no more than its id."""
    scene.poison.drain()
    kept, dismissed = scene.poison.page(PoisonQuery())["poison"]
    assert scene.poison.dismiss(dismissed["id"]) == {"id": dismissed["id"], "deleted": True}
    assert scene.shown() == [(kept["body"], False)]
    assert (scene.store.port.waiting(9), scene.messages.requeued) == (1, [])
    assert scene.log.named("poison.dismissed") == [{"id": dismissed["id"], "queue": dismissed["queue"]}]
    with pytest.raises(PoisonNotFound):
        scene.poison.dismiss(dismissed["id"])


def test_what_was_requeued_meanwhile_is_not_dismissed(scene: Scene) -> None:
    """Of two who decide at the same moment, the one who would dismiss what is on its way again is told so."""
    scene.poison.drain()
    name = scene.poison.page(PoisonQuery())["poison"][0]["id"]
    scene.store.fail("remove", Changed("Somebody requeued it."))
    with pytest.raises(Changed):
        scene.poison.dismiss(name)
    assert (len(scene.shown()), scene.log.named("poison.dismissed")) == (2, [])


def test_a_mark_follows_the_message(scene: Scene) -> None:
    """A row is never marked before its message is queued; one that cannot be marked is queued all the same."""
    scene.poison.drain()
    name = scene.poison.page(PoisonQuery())["poison"][0]["id"]
    scene.queue.fail("requeue", DIED)
    scene.store.fail("replace", DIED)
    for queued in (0, 1):
        with pytest.raises(TryLater):
            scene.poison.requeue(name)
        assert len(scene.messages.requeued) == queued
        assert not any(requeued for _, requeued in scene.shown())
