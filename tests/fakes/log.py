"""A log that remembers."""

from threading import Lock
from typing import NamedTuple


class Line(NamedTuple):
    """What was logged."""

    name: str
    fields: dict[str, object]
    problem: bool


class FakeLog:
    """Keeps every line."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._lock = Lock()

    def event(self, name: str, **fields: object) -> None:
        """Keep an event."""
        with self._lock:
            self.lines.append(Line(name, fields, problem=False))

    def problem(self, name: str, **fields: object) -> None:
        """Keep a problem."""
        with self._lock:
            self.lines.append(Line(name, fields, problem=True))

    def named(self, name: str) -> list[dict[str, object]]:
        """Return the fields of each line with this name."""
        with self._lock:
            return [line.fields for line in self.lines if line.name == name]

    def problems(self) -> list[str]:
        """Return the names of the problems."""
        with self._lock:
            return [line.name for line in self.lines if line.problem]
