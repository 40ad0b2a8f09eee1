"""100,000 mailboxes in memory: each call of a port is counted as the requests that its adapter makes."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from math import ceil
from random import Random
from typing import Any, Self

from shared.adapters.storage.queues import job_messages
from shared.domain.jobs import Job
from tests.fakes.clock import FakeClock
from tests.fakes.randomness import FakeRandomness
from tests.shared.services.world import Process, World

# The host takes so many messages in a request, and looks each second: host.json, `batchSize` and `maxPollingInterval`.
_TAKEN = 16
_POLL = timedelta(seconds=1)
_GRAPH = ("history", "subscriptions", "mailboxes", "reader")


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


# What one call of these costs; any other is one request.
_REQUESTS: dict[str, Callable[..., int]] = {
    "due.within": lambda since, until, _limit: 1 if _hour(since) == _hour(until) else 2,
    "due.remove": lambda entries: ceil(len(entries) / 100),
    "due.put_all": lambda entries: sum(
        ceil(number / 100) for number in Counter(_hour(each.at) for each in entries).values()
    ),
    "jobs.put_together": lambda jobs, _delay=None: len(list(job_messages(jobs))),
}


class Chance(FakeRandomness):
    """Chance that is chance, and the same in every run."""

    def __init__(self) -> None:
        super().__init__()
        self._random = Random(365)  # noqa: S311  no secret depends on it

    def fraction(self) -> float:
        """Returns a number in [0, 1)."""
        return self._random.random()


class Silence:
    """A log that nobody reads."""

    def event(self, name: str, **fields: object) -> None:
        """Says nothing."""

    def problem(self, name: str, **fields: object) -> None:
        """Says nothing."""


class Messages:
    """The queue `jobs`: messages, each of which holds some jobs and is seen from its moment on."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._waiting: list[tuple[datetime, int, Sequence[Job]]] = []
        self._numbers = count()

    def put(self, job: Job, delay: timedelta = timedelta()) -> None:
        """Adds a message of one job."""
        self.put_together([job], delay)

    def put_together(self, jobs: Sequence[Job], delay: timedelta = timedelta()) -> None:
        """Adds a message."""
        heappush(self._waiting, (self._clock.now() + delay, next(self._numbers), jobs))

    def take(self, until: datetime) -> list[Sequence[Job]]:
        """Waits for messages as the host does, up to a second, and takes them; none where that is after *until*."""
        if not self._waiting or self._waiting[0][0] > until:
            return []
        self._clock.advance(max(timedelta(), self._waiting[0][0] + _POLL - self._clock.now()))
        taken = []
        while self._waiting and self._waiting[0][0] <= self._clock.now():
            taken.append(heappop(self._waiting)[2])
        return taken


class Counted:
    """A port whose calls are counted as requests."""

    def __init__(self, port: Any, name: str, requests: Counter[str]) -> None:
        self._port = port
        self._name = name
        self._requests = requests

    def __getattr__(self, method: str) -> Any:
        """Returns the port's method, counted."""
        found: Callable[..., Any] = getattr(self._port, method)
        name = f"{self._name}.{method}"
        cost = _REQUESTS.get(name)

        def call(*args: Any, **options: Any) -> Any:
            self._requests[name] += cost(*args) if cost else 1
            return found(*args, **options)

        return call


class Memory:
    """A world in memory with connected accounts, and a process in it whose requests are counted."""

    def __init__(self, accounts: int) -> None:
        self.world = World()
        self.world.furnish()
        self.world.randomness = Chance()
        self.accounts = accounts
        self.requests: Counter[str] = Counter()
        self.messages = Messages(self.world.clock)
        self.process: Process = self.world.process(self._over, log=Silence())

    def _over(self, port: Any) -> Any:
        if port is self.world.jobs:
            return Counted(self.messages, "jobs", self.requests)
        names = [name for name, value in vars(self.world).items() if value is port]
        return Counted(port, names[0], self.requests)

    def work(self, lasting: timedelta) -> None:
        """Carries out for so long what the queue shows."""
        until = self.world.clock.now() + lasting
        while taken := self.messages.take(until):
            for jobs in taken:
                self.process.jobs.run_together(jobs)
            # The host's part: a message is taken with others, and deleted.
            self.requests["jobs.take"] += ceil(len(taken) / _TAKEN)
            self.requests["jobs.delete"] += len(taken)
        self.world.clock.advance(max(timedelta(), until - self.world.clock.now()))

    def storage(self) -> int:
        """Returns how many requests went to storage."""
        return sum(count for name, count in self.requests.items() if name.split(".")[0] not in _GRAPH)

    def graph(self) -> int:
        """Returns how many requests went to Graph."""
        return sum(count for name, count in self.requests.items() if name.split(".")[0] in _GRAPH)


@dataclass
class Spent:
    """The processor time and the time that a block took."""

    cpu: float = 0.0
    wall: float = 0.0

    def __enter__(self) -> Self:
        """Begins."""
        self.cpu, self.wall = time.process_time(), time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends."""
        self.cpu, self.wall = time.process_time() - self.cpu, time.monotonic() - self.wall
