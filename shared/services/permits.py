"""
Permits: this process asks before it reads a crowded mailbox.

What storage said is kept: a permit costs a request or two when it is taken, one when it is renewed after a quarter of a
minute, one when it is given back, and none in between; a refusal is not repeated within a second. It is given back as
soon as nobody here reads the mailbox any more, since the next message may come to any process. Where its holder died it
ends by itself.
"""

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.errors import Changed, RelayError
from shared.domain.permits import VALID, Permit, available
from shared.ports.machine import Machine
from shared.ports.records import Stored
from shared.ports.state import PermitStore

# One reads and one is ready to; more would wait in threads that other mailboxes need.
_AT_ONCE = 2
_REFUSED_FOR = timedelta(seconds=1)
_CAPACITY = 1000


@dataclass(frozen=True, slots=True)
class _Known:
    """What storage said of a mailbox, and how long that is good; None is a refusal."""

    permit: Stored[Permit] | None
    good_until: datetime


class Permits:
    """The permits of one process, for all its threads."""

    def __init__(self, store: PermitStore, machine: Machine) -> None:
        self._store = store
        self._machine = machine
        self._holder = machine.randomness.nonce()
        self._known: dict[str, _Known] = {}
        self._inside: Counter[str] = Counter()
        self._asking = threading.Lock()
        self._counting = threading.Lock()

    def enter(self, mailbox: str) -> bool:
        """Tells whether the caller may read the mailbox beside others of this process; who may, leaves it again."""
        with self._counting:
            if self._inside[mailbox] >= _AT_ONCE:
                return False
            self._inside[mailbox] += 1
            return True

    def leave(self, mailbox: str) -> None:
        """Makes room for another caller, of any process where nobody else here reads the mailbox."""
        now = self._machine.clock.now()
        with self._counting:
            self._inside -= Counter([mailbox])
            known = self._known.get(mailbox)
            if self._inside[mailbox] or known is None or known.permit is None:
                return
            # Whoever enters from here on asks again, and at most one of the two writes counts.
            self._known[mailbox] = ended = _Known(known.permit, now)
        given_back = known.permit.value.model_copy(update={"holder": ""})
        try:
            stored = self._store.replace(given_back, known.permit.etag)
        except RelayError:
            # Taken again, or it ends by itself.
            return
        with self._counting:
            if self._known.get(mailbox) is ended:
                self._known[mailbox] = _Known(stored, now)

    def holds(self, mailbox: str) -> bool:
        """Tells whether this process may begin to read the mailbox now; raises TryLater where storage does not say."""
        now = self._machine.clock.now()
        known = self._known.get(mailbox)
        if known is None or known.good_until <= now:
            with self._asking:
                now = self._machine.clock.now()
                known = self._known.get(mailbox)
                if known is None or known.good_until <= now:
                    known = self._ask(mailbox, known.permit if known else None, now)
                    self._keep(mailbox, known, now)
            # Storage may have taken its time, and a read that begins late ends after its permit.
            return known.permit is not None and self._machine.clock.now() < known.good_until
        return known.permit is not None

    def _ask(self, mailbox: str, mine: Stored[Permit] | None, now: datetime) -> _Known:
        permit = self._renewed(mine, now) or self._taken(mailbox, now)
        return _Known(permit, permit.value.last_start if permit else now + _REFUSED_FOR)

    def _renewed(self, mine: Stored[Permit] | None, now: datetime) -> Stored[Permit] | None:
        if mine is None:
            return None
        try:
            return self._store.replace(self._extended(mine.value, now), mine.etag)
        except Changed:
            return None

    def _taken(self, mailbox: str, now: datetime) -> Stored[Permit] | None:
        there = {stored.value.place: stored for stored in self._store.of(mailbox)}
        for place in available(mailbox, (stored.value for stored in there.values()), self._holder, now):
            try:
                if place in there:
                    return self._store.replace(self._extended(there[place].value, now), there[place].etag)
                permit = Permit(mailbox=mailbox, place=place, holder=self._holder, until=now + VALID)
                return self._store.insert(permit)
            except Changed:
                # Another process was faster; there may be a place left.
                continue
        return None

    def _extended(self, permit: Permit, now: datetime) -> Permit:
        return permit.model_copy(update={"holder": self._holder, "until": now + VALID})

    def _keep(self, mailbox: str, known: _Known, now: datetime) -> None:
        if len(self._known) >= _CAPACITY:
            self._known = {key: each for key, each in self._known.items() if each.good_until > now}
        self._known[mailbox] = known
