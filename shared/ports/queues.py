"""What lies between the stages, and what the host gave up there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.domain.changes import ChangeBatch
from shared.domain.deliveries import Retry
from shared.domain.jobs import Job


class ChangeQueue(Protocol):
    """Holds changes until they are expanded into deliveries."""

    def put(self, batch: ChangeBatch, delay: timedelta = timedelta()) -> None:
        """Queues *batch*, hidden for *delay*, in as many messages as it needs; each is taken at least once."""


class RetryQueue(Protocol):
    """Holds the attempts that are due later."""

    def put(self, retry: Retry, delay: timedelta) -> None:
        """Queues *retry*, hidden for *delay* (at most 7 days); it is taken at least once."""


class JobQueue(Protocol):
    """Holds background work."""

    def put(self, job: Job, delay: timedelta = timedelta()) -> None:
        """Queues *job*, hidden for *delay* (at most 7 days); it is taken at least once."""

    def put_together(self, jobs: Sequence[Job], delay: timedelta = timedelta()) -> None:
        """Queues *jobs* as `put` does, in as few messages as they need; those of a message are taken together."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A message that the host gave up, as it was taken: `receipt` is what removes it."""

    queue: str
    id: str
    receipt: str
    body: str
    takes: int
    given_up: datetime


class PoisonQueue(Protocol):
    """Holds what the host gave up, for all queues."""

    def take(self) -> list[GivenUp]:
        """Returns some messages and hides them for some minutes; none where nothing is left."""

    def remove(self, message: GivenUp) -> None:
        """Removes a message that was taken; one that is gone is fine."""

    def requeue(self, queue: str, body: str) -> None:
        """Puts *body* where it failed, to be taken at least once; raises NotRequeueable where it is too long."""
