"""
Watching: accounts with a grant, whose mailboxes the sidecar keeps open.

A job makes sure that the grant is good and leaves a watch for the sidecar, which opens the mailbox and tells here how
it went. An account that no sidecar has taken after a while says so. Everything may be done twice: a watch names the
registration that is meant, and what a sidecar tells of another is dropped.
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.accounts import Account, AccountState
from shared.domain.errors import MailboxRefused, NoSidecar, SignInRefused, TryLater
from shared.domain.jobs import Job
from shared.domain.watches import Watch, watch_of
from shared.ports.machine import Machine
from shared.ports.records import Stored
from shared.ports.sidecar import MirrorStore, WatchStore
from shared.ports.state import AccountStore
from shared.services.grants import Grants
from shared.services.standings import Standings, is_pointless

# A sidecar takes what is new within seconds, and a dead one's share within a minute.
_TAKEN_WITHIN = timedelta(minutes=3)


@dataclass(frozen=True)
class Watching:
    """Has mailboxes watched, and hears from the sidecar how they do."""

    accounts: AccountStore
    grants: Grants
    watches: WatchStore
    mirrors: MirrorStore
    standings: Standings
    machine: Machine

    def connect(self, stored: Stored[Account], job: Job) -> None:
        """Leaves a watch for the account where its grant is good; a job that finds it connected changes nothing."""
        account = stored.value
        done = account.state is AccountState.CONNECTED
        if account.grant is None or is_pointless(account, job, done=done):
            return
        if account.state is AccountState.NEW:
            self.standings.added(account)
        waiting = _waits_for_a_sidecar(account, job)
        if not (done or waiting or account.state is AccountState.CONNECTING):
            stored = self._begin(stored)
        try:
            self.grants.attach(account.grant, account.key)
            self.grants.token(account.grant)
        except SignInRefused as refusal:
            self.standings.refused(stored, refusal)
            return
        except TryLater as busy:
            self.standings.postponed(stored, busy)
            return
        self.watches.put(self._watch(account))
        if waiting:
            self.standings.postponed(stored, NoSidecar())
        elif not done:
            at = self.standings.try_again(account, _TAKEN_WITHIN)
            self.standings.write(stored, AccountState.CONNECTING, next_attempt=at)

    def look(self, stored: Stored[Account], job: Job) -> None:
        """Has the sidecar look for what it may have missed."""
        del job
        if stored.value.grant is not None and stored.value.state is not AccountState.DELETED:
            self.watches.put(self._watch(stored.value))

    def account(self, watch: Watch) -> Account | None:
        """
        Returns the account that a sidecar should watch, or None where the watch is of the past; then it goes.

        What a crash left behind when the account moved to another grant goes here too.
        """
        stored = self.accounts.get(watch.account)
        account = stored.value if stored else None
        if account is not None and account.state is not AccountState.DELETED:
            if (account.incarnation, account.grant) == (watch.incarnation, watch.grant):
                return account
            if account.grant != watch.grant:
                self.grants.detach(watch.grant, watch.account, seen=account.updated)
        self.watches.delete(watch)
        return None

    def opened(self, account: Account) -> None:
        """Hears that the mailbox is open; writes only where that is news."""
        stored = self._same(account)
        if stored is not None and stored.value.state is not AccountState.CONNECTED:
            self.standings.works(stored, next_attempt=None, attempts=0)
            self.machine.log.event("account.connected", account=account.id, correlation=account.incarnation)

    def refused(self, account: Account, refusal: SignInRefused | MailboxRefused) -> None:
        """Hears that a human must mend something."""
        stored = self._same(account)
        if stored is not None:
            self.standings.refused(stored, refusal)

    def failed(self, account: Account, busy: TryLater) -> None:
        """Hears that the mailbox cannot be opened for a while; the sidecar itself goes on trying."""
        stored = self._same(account)
        if stored is not None:
            self.standings.postponed(stored, busy)

    def release(self, account: Account) -> None:
        """Ends the watch of an account that was removed, forgets what was told of it, and lets go of its grant."""
        if account.grant is not None:
            self.watches.delete(watch_of(account))
            self.grants.detach(account.grant, account.key, seen=account.updated)
        # One that has no grant may have had one before.
        self.mirrors.drop(account.key)

    def _begin(self, stored: Stored[Account]) -> Stored[Account]:
        account, now = stored.value, self.machine.clock.now()
        begun = account.become(
            AccountState.CONNECTING, watched_since=account.watched_since or now, updated=now, next_attempt=None
        )
        return self.accounts.replace(begun, stored.etag)

    def _watch(self, account: Account) -> Watch:
        return watch_of(account, look=self.machine.randomness.nonce())

    def _same(self, account: Account) -> Stored[Account] | None:
        """Returns the account as it is now, where it is still the registration and the mailbox that is meant."""
        stored = self.accounts.get(account.key)
        if stored is None or stored.value.state is AccountState.DELETED:
            return None
        now = stored.value
        return stored if (now.incarnation, now.access) == (account.incarnation, account.access) else None


def _waits_for_a_sidecar(account: Account, job: Job) -> bool:
    if account.state is AccountState.CONNECTING:
        return job.at is not None
    lacked = account.last_error is not None and account.last_error.code == NoSidecar.reason
    return account.state is AccountState.CONNECT_ERROR and lacked
