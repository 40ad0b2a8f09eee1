"""
Erasures: an account is removed, and then everything that is kept of it.

A page is looked at, then it is seen who is registered under the id, then the page is removed where each of its rows is
still the same. So no row of a registration that came in between is taken for the former one's. Whatever dies here is
repeated, and finds what is left. An event of the account that was not delivered yet is given up on purpose: its retry
finds no row.

What the log said of the account by its id stays for as long as the log is kept.
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.accounts import Account, AccountState
from shared.domain.erasures import Erasure, TraceKind, without
from shared.domain.errors import AccountNotFound
from shared.domain.jobs import Job, JobKind
from shared.ports.machine import Machine
from shared.ports.queues import JobQueue
from shared.ports.records import Stored
from shared.ports.sidecar import MirrorStore
from shared.ports.state import AccountStore, PoisonStore, TraceStore
from shared.services.accounts import Accounts

_PART = timedelta(seconds=10)
_PAGE = 500
_POISON_PAGE = 100


@dataclass(frozen=True)
class Erasures:
    """Erases what is kept of accounts."""

    registry: Accounts
    accounts: AccountStore
    traces: TraceStore
    poison: PoisonStore
    mirrors: MirrorStore
    jobs: JobQueue
    machine: Machine

    def ask(self, account: str) -> bool:
        """Removes the account where there is one, queues its erasure in any case, and tells whether there was one."""
        try:
            self.registry.remove(account)
        except AccountNotFound:
            deleted = False
        else:
            deleted = True
        now = self.machine.clock.now()
        self._queue(Erasure(account=account, asked=now, begun=now), timedelta())
        self.machine.log.event("account.erasing", account=account, deleted=deleted)
        return deleted

    def go_on(self, erasure: Erasure) -> None:
        """
        Removes some seconds' worth of pages, then queues the rest, or the next pass.

        Raises Changed where somebody wrote to a row meanwhile, or removed it: the same part again finds what is left.
        """
        until = self.machine.clock.now() + _PART
        while erasure.kind is not None:
            if self.machine.clock.now() >= until:
                self._tell(erasure, done=False)
                self._queue(erasure, timedelta())
                return
            erasure = self._page(erasure, erasure.kind)
        self._end(erasure)

    def _page(self, erasure: Erasure, kind: TraceKind) -> Erasure:
        page = self.traces.page(kind, erasure.account, erasure.position, _PAGE)
        living, now = _living(self.accounts.get(erasure.subject)), self.machine.clock.now()
        concerned = [trace for trace in page.items if erasure.concerns(trace, living)]
        going = [trace for trace in concerned if not erasure.spares(trace, now)]
        self.traces.remove(kind, going)
        return erasure.after(page.position, removed=len(going), left=len(concerned) - len(going))

    def _end(self, erasure: Erasure) -> None:
        """Removes what is not kept by the month, and begins another pass unless this was the last."""
        erasure = erasure.model_copy(update={"poison": self._unpoison(erasure.subject)})
        stored = self.accounts.get(erasure.subject)
        living = _living(stored)
        if living is None or living.grant is None:
            self.mirrors.drop(erasure.subject)
        if stored is None:
            # A sweep that was under way may have left cursors and folders behind.
            self.accounts.delete(erasure.subject, None)
        following = erasure.again(self.machine.clock.now(), remains=stored is not None and living is None)
        self._tell(erasure, done=following is None)
        if following is not None:
            self._queue(*following)

    def _unpoison(self, subject: str) -> int:
        """Removes the messages that name the account from what was given up, and returns how many did."""
        position, found = None, 0
        while True:
            page = self.poison.page(position, _POISON_PAGE)
            for poisoned in page.items:
                found += without(poisoned.body, subject) != poisoned.body and self._cut(poisoned.id, subject)
            position = page.position
            if position is None:
                return found

    def _cut(self, poison_id: str, subject: str) -> bool:
        stored = self.poison.get(poison_id)
        if stored is None:
            return False
        rest = without(stored.value.body, subject)
        if rest is None:
            self.poison.remove(poison_id, stored.etag)
        else:
            self.poison.replace(stored.value.model_copy(update={"body": rest}), stored.etag)
        return True

    def _queue(self, erasure: Erasure, delay: timedelta) -> None:
        self.jobs.put(Job(kind=JobKind.ERASE, account=erasure.subject, erasure=erasure), delay)

    def _tell(self, erasure: Erasure, *, done: bool) -> None:
        counts = erasure.model_dump(include={"deliveries", "payloads", "sightings", "poison", "left"})
        self.machine.log.event("account.erased", account=erasure.account, done=done, **counts)


def _living(stored: Stored[Account] | None) -> Account | None:
    return None if stored is None or stored.value.state is AccountState.DELETED else stored.value
