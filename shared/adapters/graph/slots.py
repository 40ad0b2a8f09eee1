"""Who is at a mailbox: one at a time in this process, over reading, sweeps and probes."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Condition
from time import monotonic

from shared.domain.errors import TryLater
from shared.patience import left, waste

_PATIENCE = timedelta(seconds=20)


class Slots:
    """
    Holds one slot for each mailbox, named by its key.

    Graph refuses the fifth concurrent request of an application to a mailbox, and counts those of all our processes. A
    slot is one request at a time: a request of its own, one in a batch beside other mailboxes', or a batch whose
    requests wait for each other. So up to four processes keep to the limit without knowing of each other.

    Whoever finds a slot taken stands in line for it, so nobody is passed over. Callers of `take`, `give_back` and
    `leave` hold `changed`, and wait on it; only those that wait stand in line, or nobody might take what is free.
    """

    # https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits
    def __init__(self) -> None:
        self.changed = Condition()
        self._taken: set[str] = set()
        self._lines: dict[str, deque[object]] = {}
        self._quiet: dict[str, float] = {}

    def take(self, mailbox: str, who: object) -> bool:
        """Takes the mailbox's slot where it is *who*'s turn; else *who* stands in line for it from now on."""
        line = self._lines.get(mailbox)
        if mailbox not in self._taken and (line is None or line[0] is who):
            self._taken.add(mailbox)
            self._step_out(mailbox, who)
            return True
        if line is None:
            self._lines[mailbox] = deque([who])
        elif who not in line:
            line.append(who)
        return False

    def give_back(self, mailboxes: Iterable[str]) -> None:
        """Frees slots."""
        self._taken.difference_update(mailboxes)
        self.changed.notify_all()

    def leave(self, who: object, *, but: Collection[str] = ()) -> None:
        """Takes *who* out of every line but those of some mailboxes."""
        for mailbox in [mailbox for mailbox, line in self._lines.items() if who in line and mailbox not in but]:
            self._step_out(mailbox, who)
            self.changed.notify_all()

    @contextmanager
    def alone(self, mailbox: str, patience: timedelta = _PATIENCE) -> Iterator[None]:
        """
        Waits for the mailbox's slot and holds it; raises TryLater where it does not come in time.

        What fails inside because Graph asks for a wait keeps everybody off the mailbox for so long.
        """
        began = monotonic()
        try:
            self._wait_for(mailbox, began + min(patience.total_seconds(), left()))
        except TryLater:
            waste(monotonic() - began, "The mailbox")
            raise
        try:
            yield
        except TryLater as busy:
            if busy.retry_after is not None:
                with self.changed:
                    self.quieten(mailbox, monotonic() + busy.retry_after.total_seconds())
            raise
        finally:
            with self.changed:
                self.give_back([mailbox])

    def quieten(self, mailbox: str, until: float) -> None:
        """Keeps everybody off a mailbox until a moment, as Graph has asked."""
        self._quiet[mailbox] = max(until, self._quiet.get(mailbox, 0.0))

    def quiet_until(self, mailbox: str, now: float) -> float:
        """Returns the moment before which nobody should read the mailbox; long past where nobody asked for quiet."""
        until = self._quiet.get(mailbox, 0.0)
        if until and until <= now:
            del self._quiet[mailbox]
        return until

    def _wait_for(self, mailbox: str, deadline: float) -> None:
        who = object()
        with self.changed:
            try:
                while True:
                    now = monotonic()
                    quiet = self.quiet_until(mailbox, now)
                    if quiet <= now and self.take(mailbox, who):
                        return
                    if now >= deadline or quiet > deadline:
                        wait = timedelta(seconds=quiet - now) if quiet > now else None
                        raise TryLater("The mailbox is busy.", wait)
                    self.changed.wait((quiet if quiet > now else deadline) - now)
            finally:
                self.leave(who)

    def _step_out(self, mailbox: str, who: object) -> None:
        line = self._lines.get(mailbox)
        if line and who in line:
            line.remove(who)
            if not line:
                del self._lines[mailbox]
