"""
Renewals: subscriptions live for 7 days, and are renewed long before, from the due index.

Graph's own requests (`reauthorizationRequired`, `subscriptionRemoved`) come as jobs too. A renewal reauthorizes, so one
PATCH answers whatever was asked, and not more than one in 10 minutes:
https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.accounts import Account, AccountState, Subscription
from shared.domain.client_state import ClientStates
from shared.domain.due import Due, DueKind
from shared.domain.errors import MailboxRefused, SignInRefused, TryLater
from shared.domain.jobs import Job, JobKind
from shared.domain.oauth2 import OAuth2App
from shared.domain.quotas import CallKind
from shared.group_commit import GroupCommit
from shared.ports.machine import Machine
from shared.ports.microsoft365 import Subscriptions
from shared.ports.queues import JobQueue
from shared.ports.records import Stored
from shared.ports.state import AccountStore
from shared.services.lookups import Lookup
from shared.services.quotas import Quotas

_AHEAD = timedelta(hours=48)
# Accounts imported in one hour are not renewed in one hour.
_SPREAD = timedelta(hours=24)
# More than the 40 of 70 hours at which a sweep takes the renewal for forgotten.
_EARLY = 0.6
_EARLY_SPREAD = 0.15
_PAUSE = timedelta(minutes=10)
_BUSY_WAIT = timedelta(minutes=5)


@dataclass(frozen=True)
class Renewals:
    """Keeps subscriptions alive."""

    accounts: AccountStore
    apps: Lookup[Stored[OAuth2App] | None]
    subscriptions: Subscriptions
    quotas: Quotas
    client_states: ClientStates
    due_rows: GroupCommit[Due, None]
    jobs: JobQueue
    machine: Machine

    def schedule(self, account: Account, subscription: Subscription) -> None:
        """Enters the renewal of *subscription* into the due index, 48 to 72 hours ahead of its end."""
        now, chance = self.machine.clock.now(), self.machine.randomness.fraction()
        left, ahead = subscription.expires - now, _AHEAD + _SPREAD * chance
        if left > _AHEAD:
            # Where a cloud allows three days only, a part of them must do.
            ahead = min(ahead, left * (_EARLY + _EARLY_SPREAD * chance))
        # An adopted subscription may end sooner; and what is due in the past, no tick looks for.
        at = max(subscription.expires - ahead, now)
        entry = Due(kind=DueKind.RENEW, subject=account.key, at=at, incarnation=account.incarnation)
        self.due_rows.submit([entry]).result()

    def renew(self, stored: Stored[Account], job: Job) -> None:
        """
        Renews the account's subscription where that is due or asked for; one that is gone is made anew.

        So is one that a former key signed, since a renewal keeps its client state; at once where nobody believes it.
        """
        account, now = stored.value, self.machine.clock.now()
        subscription = account.subscription
        if account.state is AccountState.DELETED:
            return
        if subscription is None:
            self._reconnect(account)
            return
        if self.client_states.is_void(subscription.signed_with) or _is_due(subscription, job, now):
            self._renew(stored, subscription, job)

    def _renew(self, stored: Stored[Account], subscription: Subscription, job: Job) -> None:
        account, now = stored.value, self.machine.clock.now()
        if self.client_states.is_former(subscription.signed_with):
            self.machine.log.event("subscription.superseded", account=account.id, correlation=account.incarnation)
            self._supersede(stored, subscription)
            return
        app = self.apps.get(account.app)
        try:
            renewed = self._renewed(app.value, subscription) if app else subscription
        except TryLater as busy:
            self.jobs.put(job, busy.retry_after or _BUSY_WAIT)
            return
        except (SignInRefused, MailboxRefused):
            # Whether the account still works is for its connection to find out; then the renewal is tried again.
            self._reconnect(account)
            self.jobs.put(job, _AHEAD / 24)
            return
        if renewed is None:
            self.recreate(stored, Job(kind=JobKind.RECREATE, account=account.key, subscription=subscription.id))
            return
        told = {
            "expires": renewed.expires,
            "renewed": now,
            "service_url": subscription.service_url or renewed.service_url,
        }
        kept = subscription.model_copy(update=told)
        self.schedule(account, kept)
        self.accounts.replace(account.model_copy(update={"subscription": kept, "updated": now}), stored.etag)
        self.machine.log.event(
            "subscription.renewed", account=account.id, correlation=account.incarnation, expires=renewed.expires
        )

    def _renewed(self, app: OAuth2App, subscription: Subscription) -> Subscription | None:
        self.quotas.spend(app, CallKind.WRITE)
        return self.subscriptions.renew(app, subscription.id)

    def recreate(self, stored: Stored[Account], job: Job) -> None:
        """Forgets a subscription that is gone and has the account connect anew, which makes another and catches up."""
        account = stored.value
        if account.state is AccountState.DELETED:
            return
        if account.subscription is not None:
            if account.subscription.id != job.subscription:
                return
            self.machine.log.problem("subscription.removed", account=account.id, correlation=account.incarnation)
            self._supersede(stored, account.subscription)
        else:
            self._reconnect(account)

    def _supersede(self, stored: Stored[Account], subscription: Subscription) -> None:
        account = stored.value
        # It may still live, where only we believe it dead; then it is ended when the next one is made.
        former = account.former(subscription)
        without = {"subscription": None, "former_subscriptions": former, "updated": self.machine.clock.now()}
        self.accounts.replace(account.model_copy(update=without), stored.etag)
        self._reconnect(account)

    def _reconnect(self, account: Account) -> None:
        self.jobs.put(Job(kind=JobKind.RECONNECT, account=account.key, incarnation=account.incarnation))


def _is_due(subscription: Subscription, job: Job, now: datetime) -> bool:
    if subscription.renewed is not None and now - subscription.renewed < _PAUSE:
        return False
    if job.kind is JobKind.REAUTHORIZE:
        return subscription.id == job.subscription
    return subscription.expires - now <= _AHEAD + _SPREAD
