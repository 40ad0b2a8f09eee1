"""Health: does each thing that we need answer? Load balancers ask, and people: so it is quick and tells no secret."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from datetime import timedelta
from time import monotonic
from typing import Any

from shared.domain.errors import RelayError
from shared.ports.machine import Dependency, Log
from shared.services.timers import Timers

_SECONDS = 0.8
_TICK = "lastTick"


class Health:
    """Asks every dependency at the same time; one that does not answer within 0.8 s counts as down."""

    def __init__(self, dependencies: Sequence[Dependency], timers: Timers, log: Log) -> None:
        self._dependencies = dependencies
        self._timers = timers
        self._log = log
        # One thread each: a check that hangs must not take the place of another dependency's. The tick's age is read
        # from storage, so it may hang as well.
        names = (*(each.name for each in dependencies), _TICK)
        self._threads = {name: ThreadPoolExecutor(1, f"health-{name}") for name in names}
        self._asked: dict[str, Future[Any]] = {}

    def check(self) -> tuple[bool, dict[str, Any]]:
        """Returns whether everything answers, how each dependency does, and how many seconds ago the last tick was."""
        patience = monotonic() + _SECONDS
        asked = {dependency.name: self._ask(dependency.name, dependency.check) for dependency in self._dependencies}
        tick = self._ask(_TICK, self._timers.age)
        found = {name: self._answer(name, answer, patience) for name, answer in asked.items()}
        healthy = all(state == "ok" for state in found.values())
        return healthy, {"success": healthy, "dependencies": found, "lastTick": self._last_tick(tick, patience)}

    def _last_tick(self, answer: "Future[timedelta | None]", patience: float) -> int | None:
        try:
            age = answer.result(timeout=max(0.0, patience - monotonic()))
        except (RelayError, NotInTime):
            return None
        return None if age is None else int(age.total_seconds())

    def _ask(self, name: str, question: Callable[[], Any]) -> "Future[Any]":
        under_way = self._asked.get(name)
        if under_way is None or under_way.done():
            under_way = self._threads[name].submit(question)
            self._asked[name] = under_way
        return under_way

    def _answer(self, name: str, answer: "Future[None]", patience: float) -> str:
        try:
            answer.result(timeout=max(0.0, patience - monotonic()))
        except (RelayError, NotInTime) as problem:
            self._log.problem("dependency.down", dependency=name, error=str(problem) or "timeout")
            return "does not answer"
        return "ok"
