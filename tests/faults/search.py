"""A breadth-first search through every state that a model can come to, with the shortest way to a fault it finds."""

from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from time import monotonic
from typing import Generic, NamedTuple, TypeVar

State = TypeVar("State", bound=Hashable)


class Move(NamedTuple, Generic[State]):
    """A step to another state; a `fault` happens only where somebody pays for it, all else happens by itself."""

    label: str
    state: State
    fault: bool = False


@dataclass
class Report:
    """What a search saw: how much, and the shortest trace to the first problem."""

    states: int = 0
    moves: int = 0
    ends: int = 0
    seconds: float = 0.0
    problem: str | None = None
    trace: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Tell it as a reader wants to see it when a test fails."""
        seen = f"{self.states} states, {self.moves} moves, {self.ends} ends, {self.seconds:.1f} s"
        if self.problem is None:
            return f"no fault in {seen}"
        steps = [f"  {number}. {label}" for number, label in enumerate(self.trace, 1)]
        return "\n".join([f"{self.problem} ({seen})", *steps])


def explore(
    start: State, moves: Callable[[State], Iterable[Move[State]]], judge: Callable[[State, bool], str | None]
) -> Report:
    """
    Visit every state, the nearest first.

    *judge* says what is wrong with a state, or with one at which things come to rest: where no move but faults is left.
    Then every state must have a way to such an end without further faults.
    """
    began, report = monotonic(), Report(states=1)
    states = [start]
    numbers = {start: 0}
    came: list[tuple[int, str]] = [(0, "")]
    before: list[list[int]] = [[]]
    ends: list[int] = []
    queue = deque([0])
    while queue and report.problem is None:
        at = queue.popleft()
        at_rest = True
        for move in moves(states[at]):
            report.moves += 1
            number = numbers.setdefault(move.state, len(states))
            if number == len(states):
                states.append(move.state)
                came.append((at, move.label))
                before.append([])
                queue.append(number)
            if not move.fault:
                at_rest = False
                before[number].append(at)
        if at_rest:
            ends.append(at)
        report.problem = judge(states[at], at_rest)
        if report.problem is not None:
            report.trace = _trace(came, at)
    report.states, report.ends = len(states), len(ends)
    if report.problem is None:
        stuck = _stuck(before, ends)
        if stuck is not None:
            report.problem, report.trace = "From here nothing comes to an end.", _trace(came, stuck)
    report.seconds = monotonic() - began
    return report


def _trace(came: list[tuple[int, str]], at: int) -> list[str]:
    labels = []
    while at:
        at, label = came[at]
        labels.append(label)
    return labels[::-1]


def _stuck(before: list[list[int]], ends: list[int]) -> int | None:
    """Return the nearest state from which no end can be reached without faults."""
    seen = set(ends)
    queue = deque(ends)
    while queue:
        for former in before[queue.popleft()]:
            if former not in seen:
                seen.add(former)
                queue.append(former)
    return next((number for number in range(len(before)) if number not in seen), None)
