"""Poison in memory: the host's poison queues, and the rows that their messages become."""

from datetime import datetime, timedelta
from itertools import count

from shared.domain.poison import Poisoned
from shared.ports.machine import Clock
from shared.ports.queues import GivenUp
from shared.ports.records import Page, Stored
from tests.fakes.stores import Records

LEASE = timedelta(minutes=5)


class FakePoisonQueue:
    """Holds what was given up; `requeued` holds what was put back, with its queue."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ids = count(1)
        self._hidden_until: dict[str, datetime] = {}
        self.messages: dict[str, GivenUp] = {}
        self.requeued: list[tuple[str, str]] = []

    def give_up(self, queue: str, body: str) -> None:
        """Give up a message, as the host does."""
        name = f"message-{next(self._ids)}"
        self.messages[name] = GivenUp(queue, name, "receipt", body, 1, self._clock.now())

    def take(self) -> list[GivenUp]:
        """Return what is not hidden, and hide it."""
        now = self._clock.now()
        taken = [each for each in self.messages.values() if self._hidden_until.get(each.id, now) <= now]
        self._hidden_until |= {each.id: now + LEASE for each in taken}
        return taken

    def remove(self, message: GivenUp) -> None:
        """Remove a message."""
        self.messages.pop(message.id, None)

    def requeue(self, queue: str, body: str) -> None:
        """Put a message back."""
        self.requeued.append((queue, body))


class FakePoisonStore:
    """Keeps messages that were given up."""

    def __init__(self) -> None:
        self._records = Records[Poisoned]()

    def keep(self, poisoned: Poisoned) -> None:
        """Add a message, unless it is there."""
        if self._records.read(poisoned.id) is None:
            self._records.write(poisoned.id, poisoned)

    def get(self, poison_id: str) -> Stored[Poisoned] | None:
        """Return the message."""
        return self._records.read(poison_id)

    def replace(self, poisoned: Poisoned, etag: str) -> None:
        """Overwrite the message that was read."""
        self._records.swap(poisoned.id, poisoned, etag)

    def page(self, position: dict[str, str] | None, limit: int) -> Page[Poisoned]:
        """Return a page, the newest first."""
        newest = sorted((each for _, each in self._records.sorted()), key=lambda each: each.given_up, reverse=True)
        return self._records.slice(position, limit, [(f"{place:05}", each) for place, each in enumerate(newest)])

    def remove(self, poison_id: str, etag: str) -> None:
        """Remove the message that was read."""
        self._records.remove(poison_id, etag)

    def waiting(self, limit: int) -> int:
        """Count what nobody has requeued."""
        return min(limit, sum(each.requeued is None for _, each in self._records.sorted()))

    def forget(self, first_kept: str) -> int:
        """Forget the months before *first_kept*, and return how many there were."""
        months = {key: f"{each.given_up:%Y%m}" for key, each in self._records.sorted()}
        old = {key: month for key, month in months.items() if month < first_kept}
        for key in old:
            self._records.remove(key)
        return len(set(old.values()))
