"""
Connections: the background work that opens an account's mailbox and has Graph call us about it.

Every step is one row write with its ETag, and every step finds out first whether it was done: a job may run twice,
beside its twin, or again after a crash. Creating a subscription is guarded by a claim in the row, so two jobs at the
same time leave one subscription; a claim whose holder died is taken over, and what that holder may have created is
looked for.

Where Graph cannot call us, the account is connected all the same and polls; a subscription is tried again by itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.accounts import Account, AccountState, Claim, LastError, Subscription
from shared.domain.client_state import ClientStates
from shared.domain.errors import Changed, MailboxRefused, NoRoom, NotReachable, QuotaSpent, SignInRefused, TryLater
from shared.domain.jobs import Job, JobKind
from shared.domain.oauth2 import OAuth2App
from shared.domain.quotas import CallKind
from shared.group_commit import GroupCommit, as_commit
from shared.ports.machine import Machine
from shared.ports.microsoft365 import Mailboxes, Subscriptions
from shared.ports.queues import JobQueue
from shared.ports.records import Stored
from shared.ports.state import AccountStore, FolderStore
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup, application_of
from shared.services.quotas import Quotas
from shared.services.removals import calls_to_end_former, end_former
from shared.services.renewals import Renewals
from shared.services.standings import Standings, error_of, is_pointless, is_wanted
from shared.services.sweeps import Sweeps
from shared.services.timers import TOGETHER

# Longer than creating a subscription can take (Graph waits 10 s for each of our two endpoints, our client 30 s).
_CLAIM = timedelta(seconds=60)
# Somebody must end subscriptions first; until then polling serves.
_NO_ROOM_WAIT = timedelta(days=1)
# A chain of sweeps that is this late has ended, with the state of the account or by an accident.
_CHAIN_LATE = timedelta(hours=1)


@dataclass(frozen=True)
class Connections:
    """Connects accounts, tells how it went, and tries again; *looks* queues the first look at what was connected."""

    accounts: AccountStore
    apps: Lookup[Stored[OAuth2App] | None]
    mailboxes: Mailboxes
    folders: FolderStore
    subscriptions: Subscriptions
    quotas: Quotas
    client_states: ClientStates
    renewals: Renewals
    sweeps: Sweeps
    settings: InstanceSettingsService
    standings: Standings
    looks: GroupCommit[Job, None]
    jobs: JobQueue
    machine: Machine

    def connect(self, stored: Stored[Account], job: Job) -> None:
        """Opens the account's mailbox and subscribes to it; a job that finds this done changes nothing."""
        account, now = stored.value, self.machine.clock.now()
        watched = account.subscription is not None and account.subscription.expires > now
        done = watched and account.state is AccountState.CONNECTED
        if is_pointless(account, job, done=done):
            return
        if not done and account.claim is not None and account.claim.until > now:
            raise Changed(f"Another job connects {account.id!r}.")
        if not self._has_its_turn(stored, job, watched=watched):
            return
        if not done:
            stored = self._claim(stored)
        orphaned, asked = account.claim is not None, False
        try:
            # Another process may have rotated its secret a moment ago: that is what many of these jobs are for.
            self.apps.forget(account.app)
            app = application_of(account, self.apps)
            end_former(account, self.apps, self.subscriptions, self.machine.log)
            self.folders.put(account.key, self.mailboxes.probe(app, account.user))
            asked = not watched
            subscription = account.subscription if watched else self._subscribe(account, app, orphaned=orphaned)
        except QuotaSpent as spent:
            self.jobs.put(job, spent.turn)
            # A claim that was found stays one to look behind.
            self.standings.write(
                stored, stored.value.state, claim=self._ended(stored.value.claim) if orphaned else None
            )
        except (NotReachable, NoRoom) as silence:
            self._polling(stored, silence)
        except (SignInRefused, MailboxRefused) as refusal:
            self.standings.refused(stored, refusal)
        except TryLater as busy:
            # Whoever is asked to wait got nothing; no answer at all may hide a subscription, so the claim stays.
            unsure = asked and busy.retry_after is None
            self.standings.postponed(stored, busy, claim=self._ended(stored.value.claim) if unsure else None)
        else:
            self._connected(stored, app, subscription)

    def _has_its_turn(self, stored: Stored[Account], job: Job, *, watched: bool) -> bool:
        """Spends what Graph is about to be asked for, or puts the job back: nothing failed, and no try is counted."""
        account = stored.value
        try:
            self._spend(account, watched=watched)
        except QuotaSpent as spent:
            # The job comes before the row: a crash in between repeats it, and the other order could lose it.
            self.jobs.put(job, spent.turn)
            if account.state is AccountState.NEW:
                self.standings.added(account)
                now = self.machine.clock.now()
                self.accounts.replace(
                    account.become(AccountState.CONNECTING, watched_since=account.watched_since or now, updated=now),
                    stored.etag,
                )
            return False
        return True

    def _spend(self, account: Account, *, watched: bool) -> None:
        self.quotas.spend_all(calls_to_end_former(account, self.apps))
        app = self.apps.get(account.app)
        if watched or app is None or self.settings.current().service_url is None:
            return
        if account.claim is not None:
            self.quotas.spend(app.value, CallKind.LIST)
        self.quotas.spend(app.value, CallKind.WRITE)

    def _claim(self, stored: Stored[Account]) -> Stored[Account]:
        account, now = stored.value, self.machine.clock.now()
        if account.state is AccountState.NEW:
            self.standings.added(account)
        claim = Claim(holder=self.machine.randomness.nonce(), until=now + _CLAIM)
        # Who polls is connected, and stays so while we try to do better.
        state = account.state if account.polling else AccountState.CONNECTING
        claimed = account.become(state, claim=claim, watched_since=account.watched_since or now, updated=now)
        return self.accounts.replace(claimed, stored.etag)

    def _subscribe(self, account: Account, app: OAuth2App, *, orphaned: bool) -> Subscription:
        service_url = self.settings.current().service_url
        if service_url is None:
            raise NotReachable('no "serviceUrl" is set, so Graph cannot call us: set it through POST /v1/settings')
        left = self.subscriptions.find(app, account.user, service_url) if orphaned else []
        # What a dead holder of the claim left behind is adopted; anything further is ended.
        for surplus in left[1:]:
            self.quotas.spend(app, CallKind.WRITE)
            self.subscriptions.delete(app, surplus.id)
        if left:
            return left[0]
        client_state = self.client_states.make(account.key)
        subscription = self.subscriptions.create(app, account.user, client_state, service_url)
        self.machine.log.event(
            "subscription.created", account=account.id, correlation=account.incarnation, expires=subscription.expires
        )
        return subscription

    def _connected(self, stored: Stored[Account], app: OAuth2App, subscription: Subscription | None) -> None:
        account = stored.value
        fresh = subscription is not None and subscription != account.subscription
        if fresh and subscription is not None:
            # What came while nobody called us; and from here on removals are followed, which leave no other trace.
            look = Job(kind=JobKind.CATCH_UP, account=account.key, incarnation=account.incarnation)
            queued = self.looks.submit([look])
            self.renewals.schedule(account, subscription)
            queued.result()
        try:
            self._settle(stored, subscription=subscription, polling=False, next_attempt=None, attempts=0)
        except Changed:
            current = self.accounts.get(account.key)
            if subscription is not None and not _still_serves(subscription, account, current):
                self.subscriptions.delete(app, subscription.id)
            raise
        self.machine.log.event("account.connected", account=account.id, correlation=account.incarnation)

    def _polling(self, stored: Stored[Account], silence: NotReachable | NoRoom) -> None:
        """Connects without a subscription: the account polls and says why, and we ask Graph again and again."""
        account = stored.value
        if isinstance(silence, NoRoom):
            wait, error = _NO_ROOM_WAIT, error_of(silence, permanent=False)
        else:
            wait = self.standings.backoff(account)
            error = LastError(response=str(silence), code="NotReachable")
        at, attempts = self.standings.try_again(account, wait), account.attempts + 1
        self._settle(stored, subscription=None, polling=True, next_attempt=at, attempts=attempts, last_error=error)
        self.machine.log.problem(
            "account.polling",
            account=account.id,
            correlation=account.incarnation,
            error=str(silence),
            again=at,
        )

    def _settle(self, stored: Stored[Account], *, polling: bool, **changes: Any) -> None:
        """Has the account swept from now on, and tells that it works."""
        following = self._new_chain(stored.value, polling=polling)
        if following is not None:
            # Otherwise the chain that is under way writes it, perhaps at this moment.
            changes["next_sweep"] = following
        self.standings.works(stored, polling=polling, **changes)

    def _new_chain(self, account: Account, *, polling: bool) -> datetime | None:
        """Begins a chain of sweeps and returns its first, unless one is under way at the right pace."""
        now = self.machine.clock.now()
        if account.next_sweep is not None and account.next_sweep > now - _CHAIN_LATE and polling is account.polling:
            return None
        following = self.sweeps.next_after(account.model_copy(update={"polling": polling}))
        self.sweeps.schedule(account, following)
        return following

    def _ended(self, claim: Claim | None) -> Claim | None:
        return claim.model_copy(update={"until": self.machine.clock.now()}) if claim else None


def _still_serves(made: Subscription, account: Account, current: Stored[Account] | None) -> bool:
    """Tells whether what was *made* for *account* may be the subscription of the account as it is now."""
    if current is None or not is_wanted(current.value, account):
        return False
    # Whoever took the claim over made another, or has yet to look for what there is.
    return current.value.subscription is None or current.value.subscription.id == made.id


def looking(queue: JobQueue, *, pace: float) -> GroupCommit[Job, None]:
    """Returns the group commit that puts on *queue* the first looks at mailboxes: an import's share a message."""

    def put(looks: Sequence[Job]) -> None:
        queue.put_together(looks)

    return GroupCommit(as_commit(put), full=TOGETHER, pace=pace, name="put-looks")
