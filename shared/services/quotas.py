"""
Quotas: every call about subscriptions is paid for before it is made, whichever process makes it.

A process takes some calls at a time from the row that all share, more the more it needs, and spends them from memory
within the window that they are of. Where the window is spent, the caller is told when its turn may come and sleeps
nowhere: places in a line are taken from the same row, so that ten thousand jobs come back as the quota allows and not
all at once.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from shared.domain.errors import Changed, QuotaSpent, TryLater
from shared.domain.oauth2 import OAuth2App
from shared.domain.quotas import LIMITS, WINDOW, CallKind, QuotaUse, beginning_of, window_of
from shared.ports.machine import Machine
from shared.ports.state import QuotaStore
from shared.services.pauses import pause

_MOST_AT_ONCE = 25
_TRIES = 20
_CROWDED_WAIT = timedelta(seconds=5)


@dataclass
class _Purse:
    """What a process holds of one quota: `calls` of a window, and `places` in the line for later ones."""

    lock: Lock = field(default_factory=Lock)
    window: int = 0
    calls: int = 0
    spent: bool = False
    places: deque[int] = field(default_factory=deque)
    block: int = 1

    def begin(self, window: int) -> None:
        """Goes on to another window; what is left of the former one is void."""
        if self.calls or window > self.window + 1:
            self.block = 1
        self.window, self.calls, self.spent = window, 0, False


class Quotas:
    """Spends calls of the quotas that *store* keeps."""

    def __init__(self, store: QuotaStore, machine: Machine) -> None:
        self._store = store
        self._machine = machine
        self._purses: dict[tuple[str, str], _Purse] = {}

    def spend(self, app: OAuth2App, kind: CallKind) -> None:
        """Spends one call; raises QuotaSpent, with the time until its turn, where this window has none left."""
        scope, tenant = f"{app.cloud}/{app.client_id.lower()}/{kind}", app.tenant.lower()
        purse = self._purses.setdefault((scope, tenant), _Purse())
        with purse.lock:
            now = self._machine.clock.now()
            if window_of(now) > purse.window:
                purse.begin(window_of(now))
            self._drop_past(purse, kind)
            if not purse.calls and not (purse.spent and purse.places):
                self._reserve(purse, scope, tenant, kind)
            if purse.calls:
                purse.calls -= 1
                return
            turn = purse.places.popleft() // LIMITS[kind].in_tenant
        raise QuotaSpent(kind, self._wait(turn, now))

    def spend_all(self, calls: Iterable[tuple[OAuth2App, CallKind]]) -> None:
        """Spends several calls; raises QuotaSpent where one is too many, and those before it are lost."""
        for app, kind in calls:
            self.spend(app, kind)

    def _reserve(self, purse: _Purse, scope: str, tenant: str, kind: CallKind) -> None:
        """Takes calls from the row, or places in its line where no calls are left."""
        limit, want = LIMITS[kind], purse.block
        for number in range(_TRIES):
            stored = self._store.get(scope)
            use = stored.value if stored else QuotaUse()
            taken, granted = use.take(tenant, limit, window=purse.window, want=want)
            first = 0
            if not granted:
                taken, first = use.queue(tenant, limit, window=purse.window, want=want)
            try:
                if stored is None:
                    self._store.insert(scope, taken)
                else:
                    self._store.replace(scope, taken, stored.etag)
            except Changed:
                pause(number, self._machine.randomness)
                continue
            purse.window, purse.calls = taken.window, granted
            purse.block = min(2 * want, _MOST_AT_ONCE)
            if not granted:
                purse.places.extend(range(first, first + want))
                self._tell(purse, scope, tenant, waiting=first - taken.window * limit.in_tenant)
            return
        raise TryLater("Too many processes ask for the quota at this moment.", _CROWDED_WAIT)

    def _drop_past(self, purse: _Purse, kind: CallKind) -> None:
        while purse.places and purse.places[0] // LIMITS[kind].in_tenant <= purse.window:
            purse.places.popleft()

    def _tell(self, purse: _Purse, scope: str, tenant: str, *, waiting: int) -> None:
        if not purse.spent:
            self._machine.log.event("quota.spent", quota=scope, tenant=tenant, waiting=waiting)
        purse.spent = True

    def _wait(self, turn: int, now: datetime) -> timedelta:
        return beginning_of(turn) - now + WINDOW * self._machine.randomness.fraction()
