"""
Relocations: where our address changes, subscriptions follow it.

A subscription's lifecycle URL is fixed for life, so another one is made first and the former ended afterwards. Every
sweep compares, which spreads the work by itself, survives any crash, and notices an address that a deployment changed
as well as one that somebody set.

https://learn.microsoft.com/graph/change-notifications-lifecycle-events
"""

from dataclasses import dataclass
from datetime import timedelta

from shared.domain.accounts import Account, AccountState, Subscription
from shared.domain.client_state import ClientStates
from shared.domain.errors import Changed, MailboxRefused, NoRoom, QuotaSpent, SignInRefused, TryLater
from shared.domain.jobs import Job, JobKind
from shared.domain.oauth2 import OAuth2App
from shared.domain.quotas import CallKind
from shared.ports.machine import Machine
from shared.ports.microsoft365 import Subscriptions
from shared.ports.queues import JobQueue
from shared.ports.records import Stored
from shared.ports.state import AccountStore
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup
from shared.services.quotas import Quotas
from shared.services.renewals import Renewals

# By then the row names the subscription that was made.
_WRITTEN = timedelta(seconds=30)


@dataclass(frozen=True)
class Relocations:
    """Has Graph call our present address. `reachable` makes the handshake with it, once for many accounts."""

    accounts: AccountStore
    apps: Lookup[Stored[OAuth2App] | None]
    subscriptions: Subscriptions
    quotas: Quotas
    client_states: ClientStates
    renewals: Renewals
    settings: InstanceSettingsService
    reachable: Lookup[str]
    jobs: JobQueue
    machine: Machine

    def relocate(self, stored: Stored[Account], job: Job) -> None:
        """Makes a subscription that calls our present address and has the former ended; else leaves that in place."""
        account, service_url = stored.value, self.settings.current().service_url
        former, app = account.subscription, self.apps.get(account.app)
        if service_url is None or former is None or former.id != job.subscription or former.calls(service_url):
            return
        if account.state is not AccountState.CONNECTED or app is None:
            return
        try:
            self.reachable.get(service_url)
            self.quotas.spend(app.value, CallKind.WRITE)
            client_state = self.client_states.make(account.key)
            made = self.subscriptions.create(app.value, account.user, client_state, service_url)
        except QuotaSpent as spent:
            self.jobs.put(job, spent.turn)
        except (TryLater, MailboxRefused, SignInRefused, NoRoom) as trouble:
            # The next sweep asks again.
            self.machine.log.problem(
                "subscription.stays", account=account.id, correlation=account.incarnation, error=str(trouble)
            )
        else:
            self._follow(stored, app.value, former, made)

    def _follow(self, stored: Stored[Account], app: OAuth2App, former: Subscription, made: Subscription) -> None:
        account = stored.value
        self.renewals.schedule(account, made)
        # The first ends the former; the second looks for what came between the two.
        for kind in (JobKind.RECONNECT, JobKind.CATCH_UP):
            self.jobs.put(Job(kind=kind, account=account.key, incarnation=account.incarnation), _WRITTEN)
        while True:
            try:
                self.accounts.replace(self._following(stored.value, made), stored.etag)
            except Changed:
                current = self.accounts.get(account.key)
                if current is None or not _still_has(current.value, account, former):
                    if current is None or current.value.subscription != made:
                        self.subscriptions.delete(app, made.id)
                    raise
                stored = current
            else:
                break
        self.machine.log.event("subscription.relocated", account=account.id, correlation=account.incarnation)

    def _following(self, account: Account, made: Subscription) -> Account:
        left = account.former_subscriptions
        if account.subscription is not None and account.subscription.id != made.id:
            left = account.former(account.subscription)
        update = {"subscription": made, "former_subscriptions": left, "updated": self.machine.clock.now()}
        return account.model_copy(update=update)


def _still_has(current: Account, account: Account, former: Subscription) -> bool:
    if current.state is AccountState.DELETED or current.incarnation != account.incarnation:
        return False
    return current.subscription is not None and current.subscription.id == former.id
