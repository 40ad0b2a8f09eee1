"""Health: one look at every dependency, quick whatever they do."""

import threading
from collections.abc import Callable
from concurrent.futures import wait
from dataclasses import replace
from datetime import timedelta
from itertools import count
from time import monotonic
from typing import Any

import pytest

from shared.domain.errors import TryLater
from shared.ports.machine import Dependency
from shared.services import health as module
from shared.services.health import Health
from shared.services.lookups import Lookup
from shared.services.timers import Timers
from tests.fakes.faults import Faulty
from tests.fakes.health import FakeDependency
from tests.fakes.log import FakeLog
from tests.shared.services.world import World

LookingAt = Callable[..., Health]


def health_of(*dependencies: Dependency, timers: Timers | None = None, log: FakeLog | None = None) -> Health:
    """Return the health of an instance with these dependencies."""
    return Health(dependencies, timers or World().process().timers, log or FakeLog())


class Hanging:
    """Does not answer until it is let go."""

    def __init__(self, name: str = "vault") -> None:
        self.name = name
        self.asked = 0
        self.gate = threading.Event()

    def check(self) -> None:
        """Wait."""
        self.asked += 1
        assert self.gate.wait(60)


@pytest.fixture
def looking_at(monkeypatch: pytest.MonkeyPatch) -> LookingAt:
    """Return a maker of healths whose time is up as soon as everybody has answered but whoever is `hanging`."""

    def make(*dependencies: Dependency, hanging: Hanging | None = None, **others: Any) -> Health:
        health, moments = health_of(*dependencies, **others), count(step=module._SECONDS)

        def moment() -> float:
            silent = hanging.name if hanging and not hanging.gate.is_set() else None
            wait([answer for name, answer in health._asked.items() if name != silent], 60)
            return next(moments)

        monkeypatch.setattr(module, "monotonic", moment)
        return health

    return make


def test_healthy_is_when_everything_answers(looking_at: LookingAt) -> None:
    """Where every dependency answers the instance is healthy."""
    health = looking_at(FakeDependency("storage"), FakeDependency("vault"))
    shown = {"success": True, "dependencies": {"storage": "ok", "vault": "ok"}, "lastTick": None}
    assert health.check() == (True, shown)


def test_what_does_not_answer_is_named(looking_at: LookingAt) -> None:
    """A dependency that fails is named, the others are not blamed, and the reason is in the log only."""
    vault, log = FakeDependency("vault"), FakeLog()
    vault.answers = False
    healthy, shown = looking_at(FakeDependency("storage"), vault, log=log).check()
    assert not healthy
    assert (shown["success"], shown["dependencies"]) == (False, {"storage": "ok", "vault": "does not answer"})
    assert log.named("dependency.down")[0]["dependency"] == "vault"


def test_a_hanging_dependency_does_not_hang_the_answer(looking_at: LookingAt) -> None:
    """The answer waits for nobody longer than a part of a second, whatever a dependency does."""
    vault = Hanging()
    healthy, shown = looking_at(vault, FakeDependency("storage"), hanging=vault).check()
    vault.gate.set()
    assert module._SECONDS < 1
    assert (healthy, shown["dependencies"]) == (False, {"vault": "does not answer", "storage": "ok"})


def test_many_hanging_dependencies_hang_no_longer_than_one() -> None:
    """Dependencies that hang share the time there is."""
    hanging = [Hanging(f"vault-{number}") for number in range(50)]
    started = monotonic()
    _, shown = health_of(*hanging).check()
    took = monotonic() - started
    for each in hanging:
        each.gate.set()
    assert took < len(hanging) / 2 * module._SECONDS
    assert shown["dependencies"] == {each.name: "does not answer" for each in hanging}


def test_a_hanging_check_is_not_asked_again(looking_at: LookingAt) -> None:
    """However often the instance is asked, a check that hangs is one check, and none pile up behind it."""
    vault = Hanging()
    health = looking_at(vault, FakeDependency("storage"), hanging=vault)
    shown = [health.check()[1]["dependencies"] for _ in range(3)]
    assert shown == [{"vault": "does not answer", "storage": "ok"}] * 3
    vault.gate.set()
    assert health.check()[0]
    assert vault.asked <= 2


def test_the_last_tick_is_shown(looking_at: LookingAt) -> None:
    """How many seconds ago the last tick was is shown, for whoever watches the timer."""
    world = World()
    process = world.process()
    process.timers.tick()
    world.clock.advance(timedelta(seconds=90))
    assert looking_at(FakeDependency("storage"), timers=process.timers).check()[1]["lastTick"] == 90


def test_a_storage_that_is_down_hides_the_last_tick_only(looking_at: LookingAt) -> None:
    """Where the heartbeat cannot be read the answer comes all the same, without it."""
    world = World()
    due = Faulty(world.due)
    due.fail("heartbeat", TryLater("Storage is busy."))
    process = world.process(lambda port: due.port if port is world.due else port)
    assert looking_at(FakeDependency("storage"), timers=process.timers).check()[1]["lastTick"] is None


def test_a_storage_that_hangs_hides_the_last_tick_only(looking_at: LookingAt) -> None:
    """Where the heartbeat is waited for the answer comes all the same, without it."""
    storage = Hanging("lastTick")
    timers = replace(World().process().timers, heartbeat=Lookup(lambda _: storage.check(), World().clock, timedelta()))
    healthy, shown = looking_at(FakeDependency("vault"), timers=timers, hanging=storage).check()
    storage.gate.set()
    assert (healthy, shown["lastTick"]) == (True, None)
