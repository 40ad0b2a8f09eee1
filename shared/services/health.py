"""Health: does each thing that we need answer? Load balancers ask, and people: so it is quick and tells no secret."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from time import monotonic
from typing import Any

from shared.domain.errors import RelayError
from shared.ports.machine import Dependency, Log
from shared.services.timers import Timers

_SECONDS = 0.8


class Health:
    """Asks every dependency at the same time; one that does not answer within 0.8 s counts as down."""

    def __init__(self, dependencies: Sequence[Dependency], timers: Timers, log: Log) -> None:
        self._dependencies = dependencies
        self._timers = timers
        self._log = log
        # One thread each: a check that hangs must not take the place of another dependency's.
        self._threads = {each.name: ThreadPoolExecutor(1, f"health-{each.name}") for each in dependencies}
        self._asked: dict[str, Future[None]] = {}

    def check(self) -> tuple[bool, dict[str, Any]]:
        """Returns whether everything answers, how each dependency does, and how many seconds ago the last tick was."""
        patience = monotonic() + _SECONDS
        asked = {dependency.name: self._ask(dependency) for dependency in self._dependencies}
        found = {name: self._answer(name, answer, patience) for name, answer in asked.items()}
        healthy = all(state == "ok" for state in found.values())
        return healthy, {"success": healthy, "dependencies": found, "lastTick": self._last_tick()}

    def _last_tick(self) -> int | None:
        try:
            age = self._timers.age()
        except RelayError:
            return None
        return None if age is None else int(age.total_seconds())

    def _ask(self, dependency: Dependency) -> "Future[None]":
        under_way = self._asked.get(dependency.name)
        if under_way is None or under_way.done():
            under_way = self._threads[dependency.name].submit(dependency.check)
            self._asked[dependency.name] = under_way
        return under_way

    def _answer(self, name: str, answer: "Future[None]", patience: float) -> str:
        try:
            answer.result(timeout=max(0.0, patience - monotonic()))
        except (RelayError, NotInTime) as problem:
            self._log.problem("dependency.down", dependency=name, error=str(problem) or "timeout")
            return "does not answer"
        return "ok"
