"""Queues in memory, with what matters of the real ones: delays, leases, and messages that come again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from threading import Lock
from typing import Generic, TypeVar

from shared.domain.changes import ChangeBatch
from shared.domain.deliveries import Retry
from shared.domain.jobs import Job
from shared.ports.machine import Clock

Body = TypeVar("Body")
LEASE = timedelta(minutes=10)
LONGEST_DELAY = timedelta(days=7)


@dataclass(frozen=True)
class Message(Generic[Body]):
    """A message as a consumer takes it."""

    id: int
    body: Body
    due: datetime
    dequeue_count: int = 0


class FakeQueue(Generic[Body]):
    """
    Holds messages until they are done.

    A message that is taken is hidden for a lease; one that is neither done nor returned comes again after it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._messages: dict[int, Message[Body]] = {}
        self._ids = count(1)
        self._lock = Lock()

    def hold(self, body: Body, delay: timedelta) -> None:
        """Add a message, hidden for *delay*."""
        with self._lock:
            number = next(self._ids)
            due = self._clock.now() + min(max(delay, timedelta()), LONGEST_DELAY)
            self._messages[number] = Message(number, body, due)

    def take(self, now: datetime | None = None, *, most: int = 32) -> list[Message[Body]]:
        """Return the messages that are due at *now*, the earliest first, and hide them for a lease."""
        moment = now or self._clock.now()
        with self._lock:
            due = sorted(
                (message for message in self._messages.values() if message.due <= moment),
                key=lambda message: (message.due, message.id),
            )
            taken = [Message(each.id, each.body, moment + LEASE, each.dequeue_count + 1) for each in due[:most]]
            self._messages |= {message.id: message for message in taken}
        return taken

    def done(self, message: Message[Body]) -> None:
        """Remove a message that was taken."""
        with self._lock:
            self._messages.pop(message.id, None)

    def return_(self, message: Message[Body], delay: timedelta = timedelta()) -> None:
        """Show a message again after *delay*, as the host does with one whose function failed."""
        with self._lock:
            if message.id in self._messages:
                due = self._clock.now() + delay
                self._messages[message.id] = Message(message.id, message.body, due, message.dequeue_count)

    def waiting(self) -> list[Message[Body]]:
        """Return all messages, hidden ones too, in the order they were put."""
        with self._lock:
            return sorted(self._messages.values(), key=lambda message: message.id)

    def bodies(self) -> list[Body]:
        """Return what all messages say, hidden ones too, in the order they were put."""
        return [message.body for message in self.waiting()]


class FakeChangeQueue(FakeQueue[ChangeBatch]):
    """Holds changes."""

    def put(self, batch: ChangeBatch, delay: timedelta = timedelta()) -> None:
        """Queue *batch*, unless there is nothing in it."""
        if batch.size:
            self.hold(batch, delay)


class FakeRetryQueue(FakeQueue[Retry]):
    """Holds attempts."""

    def put(self, retry: Retry, delay: timedelta) -> None:
        """Queue *retry*."""
        self.hold(retry, delay)


class FakeJobQueue(FakeQueue[Job]):
    """Holds background work."""

    def put(self, job: Job, delay: timedelta = timedelta()) -> None:
        """Queue *job*."""
        self.hold(job, delay)

    def put_together(self, jobs: Sequence[Job], delay: timedelta = timedelta()) -> None:
        """Queue *jobs*; here each is a message of its own all the same."""
        for job in jobs:
            self.hold(job, delay)
