"""How much of each mailbox is being read, over all callers in this process."""

from collections import Counter
from collections.abc import Hashable
from threading import Condition

Mailbox = Hashable


class Slots:
    """
    Holds what is in flight to `limit` reads of one mailbox.

    Graph refuses the fifth concurrent request of an application to a mailbox; the limit stays below, since other
    instances read too. The reads of one batch are paced by Graph, four at a time, so a mailbox of which nothing else is
    in flight may fill a batch; until that is back it waits. Callers hold `changed`, and wait on it.
    """

    def __init__(self, limit: int) -> None:
        self.changed = Condition()
        self._limit = limit
        self._in_flight: Counter[Mailbox] = Counter()
        self._quiet: dict[Mailbox, float] = {}

    def take(self, mailbox: Mailbox, in_this_batch: int) -> bool:
        """Takes a slot beside *in_this_batch* reads of the mailbox in the same batch; tells whether there was one."""
        # https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
        busy = self._in_flight[mailbox]
        if busy >= self._limit and busy != in_this_batch:
            return False
        self._in_flight[mailbox] = busy + 1
        return True

    def give_back(self, mailboxes: Counter[Mailbox]) -> None:
        """Frees the slots of a batch that has come back."""
        self._in_flight -= mailboxes
        self.changed.notify_all()

    def quieten(self, mailbox: Mailbox, until: float) -> None:
        """Keeps everybody off a mailbox until a moment, as Graph has asked."""
        self._quiet[mailbox] = max(until, self._quiet.get(mailbox, 0.0))

    def quiet_until(self, mailbox: Mailbox, now: float) -> float:
        """Returns the moment before which nobody should read the mailbox; long past where nobody asked for quiet."""
        until = self._quiet.get(mailbox, 0.0)
        if until and until <= now:
            del self._quiet[mailbox]
        return until
