"""Health: one look at every dependency, quick whatever they do."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest

from shared.services.health import Health
from tests.fakes.health import FakeDependency
from tests.fakes.log import FakeLog


class Hanging:
    """Does not answer until it is let go."""

    name = "vault"

    def __init__(self) -> None:
        self.gate = threading.Event()

    def check(self) -> None:
        """Wait."""
        assert self.gate.wait(10)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """Return the threads that ask."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def test_healthy_is_when_everything_answers(threads: ThreadPoolExecutor) -> None:
    """Where every dependency answers the instance is healthy."""
    health = Health([FakeDependency("storage"), FakeDependency("vault")], threads, FakeLog())
    assert health.check() == (True, {"success": True, "dependencies": {"storage": "ok", "vault": "ok"}})


def test_what_does_not_answer_is_named(threads: ThreadPoolExecutor) -> None:
    """A dependency that fails is named, the others are not blamed, and the reason is in the log only."""
    vault, log = FakeDependency("vault"), FakeLog()
    vault.answers = False
    healthy, shown = Health([FakeDependency("storage"), vault], threads, log).check()
    assert not healthy
    assert shown == {"success": False, "dependencies": {"storage": "ok", "vault": "does not answer"}}
    assert log.named("dependency.down")[0]["dependency"] == "vault"


def test_a_hanging_dependency_does_not_hang_the_answer(threads: ThreadPoolExecutor) -> None:
    """The answer comes in under a second, whatever a dependency does."""
    vault = Hanging()
    started = monotonic()
    healthy, shown = Health([vault, FakeDependency("storage")], threads, FakeLog()).check()
    took = monotonic() - started
    vault.gate.set()
    assert took < 1
    assert (healthy, shown["dependencies"]) == (False, {"vault": "does not answer", "storage": "ok"})
