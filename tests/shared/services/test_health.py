"""Health: one look at every dependency, quick whatever they do."""

import threading
from time import monotonic

from shared.services.health import Health
from tests.fakes.health import FakeDependency
from tests.fakes.log import FakeLog


class Hanging:
    """Does not answer until it is let go."""

    def __init__(self, name: str = "vault") -> None:
        self.name = name
        self.asked = 0
        self.gate = threading.Event()

    def check(self) -> None:
        """Wait."""
        self.asked += 1
        assert self.gate.wait(10)


def test_healthy_is_when_everything_answers() -> None:
    """Where every dependency answers the instance is healthy."""
    health = Health([FakeDependency("storage"), FakeDependency("vault")], FakeLog())
    assert health.check() == (True, {"success": True, "dependencies": {"storage": "ok", "vault": "ok"}})


def test_what_does_not_answer_is_named() -> None:
    """A dependency that fails is named, the others are not blamed, and the reason is in the log only."""
    vault, log = FakeDependency("vault"), FakeLog()
    vault.answers = False
    healthy, shown = Health([FakeDependency("storage"), vault], log).check()
    assert not healthy
    assert shown == {"success": False, "dependencies": {"storage": "ok", "vault": "does not answer"}}
    assert log.named("dependency.down")[0]["dependency"] == "vault"


def test_a_hanging_dependency_does_not_hang_the_answer() -> None:
    """The answer comes in under a second, whatever a dependency does."""
    vault = Hanging()
    started = monotonic()
    healthy, shown = Health([vault, FakeDependency("storage")], FakeLog()).check()
    took = monotonic() - started
    vault.gate.set()
    assert took < 1
    assert (healthy, shown["dependencies"]) == (False, {"vault": "does not answer", "storage": "ok"})


def test_two_hanging_dependencies_hang_no_longer_than_one() -> None:
    """Dependencies that hang share the time there is: the answer comes in under a second all the same."""
    vault, storage = Hanging("vault"), Hanging("storage")
    started = monotonic()
    _, shown = Health([vault, storage], FakeLog()).check()
    took = monotonic() - started
    vault.gate.set()
    storage.gate.set()
    assert took < 1
    assert shown["dependencies"] == {"vault": "does not answer", "storage": "does not answer"}


def test_a_hanging_check_is_not_asked_again() -> None:
    """However often the instance is asked, a check that hangs is one check, and none pile up behind it."""
    vault = Hanging()
    health = Health([vault, FakeDependency("storage")], FakeLog())
    shown = [health.check()[1]["dependencies"] for _ in range(3)]
    assert shown == [{"vault": "does not answer", "storage": "ok"}] * 3
    vault.gate.set()
    assert health.check()[0]
    assert vault.asked <= 2
