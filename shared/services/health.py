"""Health: does each thing that we need answer? Load balancers ask, and people: so it is quick and tells no secret."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass
from typing import Any

from shared.domain.errors import RelayError
from shared.ports import Dependency, Log

_SECONDS = 0.8


@dataclass(frozen=True)
class Health:
    """Asks every dependency at the same time; one that does not answer within 0.8 s counts as down."""

    dependencies: Sequence[Dependency]
    threads: ThreadPoolExecutor
    log: Log

    def check(self) -> tuple[bool, dict[str, Any]]:
        """Returns whether everything answers, and how each dependency does."""
        asked = {dependency.name: self.threads.submit(dependency.check) for dependency in self.dependencies}
        found: dict[str, str] = {}
        for name, answer in asked.items():
            try:
                answer.result(timeout=_SECONDS)
            except (RelayError, NotInTime) as problem:
                found[name] = "does not answer"
                self.log.problem("dependency.down", dependency=name, error=str(problem) or "timeout")
            else:
                found[name] = "ok"
        healthy = all(state == "ok" for state in found.values())
        return healthy, {"success": healthy, "dependencies": found}
