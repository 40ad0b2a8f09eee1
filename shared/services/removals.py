"""
Removals: what an account leaves behind goes, step by step, each of which may run again.

The row says `deleted` from the start, so nothing of the account is seen any more; it goes itself at the very end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.domain.accounts import Account, AccountState
from shared.domain.changes import ChangeBatch, account_event
from shared.domain.errors import Changed, MailboxRefused, QuotaSpent, SignInRefused, TryLater
from shared.domain.events import EventName
from shared.domain.jobs import Job, JobKind
from shared.domain.oauth2 import OAuth2App
from shared.domain.quotas import CallKind
from shared.ports.machine import Log
from shared.ports.microsoft365 import Subscriptions
from shared.ports.queues import ChangeQueue, JobQueue
from shared.ports.records import Stored
from shared.ports.state import AccountStore
from shared.services.bindings import Bindings
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup
from shared.services.quotas import Quotas
from shared.services.tokens import Tokens
from shared.services.watching import Watching
from shared.services.webhooks import Webhooks

_BUSY_WAIT = timedelta(minutes=1)
# A deleted account's webhook lives until the last retry of `accountDeleted` is over.
_PURGE_WAIT = timedelta(days=5)


@dataclass(frozen=True)
class Removals:
    """Removes accounts."""

    accounts: AccountStore
    bindings: Bindings
    apps: Lookup[Stored[OAuth2App] | None]
    subscriptions: Subscriptions
    quotas: Quotas
    webhooks: Webhooks
    tokens: Tokens
    settings: InstanceSettingsService
    changes: ChangeQueue
    jobs: JobQueue
    log: Log
    watching: Watching

    def disconnect(self, stored: Stored[Account], job: Job) -> None:
        """Ends what Graph does for a removed account, tells of its end, and removes what it leaves."""
        account = stored.value
        if account.state is not AccountState.DELETED:
            return
        try:
            self.quotas.spend_all(calls_to_end_former(account, self.apps))
            end_former(account, self.apps, self.subscriptions, self.log)
            self._unsubscribe(account)
        except QuotaSpent as spent:
            self.jobs.put(job, spent.turn)
            return
        except TryLater as busy:
            self.jobs.put(job, busy.retry_after or _BUSY_WAIT)
            self.log.problem(
                "account.disconnect_postponed", account=account.id, correlation=account.incarnation, error=str(busy)
            )
            return
        except (SignInRefused, MailboxRefused) as refusal:
            # We may not end it any more; it ends by itself within 7 days, and what it says of a stranger is dropped.
            self.log.problem(
                "subscription.abandoned", account=account.id, correlation=account.incarnation, error=str(refusal)
            )
        current = self.accounts.get(account.key)
        if current is None or current.etag != stored.etag:
            # Graph took its time, and what goes from here on is named by the id, which may be somebody else's by now.
            raise Changed(f"{account.id!r} was registered again.")
        self.tokens.revoke_bound(account.id)
        self.bindings.release(account.app, account.user, account.id)
        self.watching.release(account)
        version, data = account.incarnation, {"account": account.id}
        said = account_event(account, EventName.ACCOUNT_DELETED, version, account.updated, data)
        self.changes.put(ChangeBatch(account_events=(said,)))
        if account.webhooks is None:
            self._purge(stored)
            return
        self.jobs.put(Job(kind=JobKind.PURGE, account=account.key, incarnation=account.incarnation), _PURGE_WAIT)
        # What is left names the webhook that must still hear of the end, and nothing else of the account.
        nothing: dict[str, Any] = {"name": None, "email": None, "user": "", "principal": None, "parent": None}
        nothing |= {"subscription": None, "claim": None, "options": {}, "last_error": None}
        left = account.model_copy(update=nothing)
        self.accounts.replace(left, stored.etag)

    def _unsubscribe(self, account: Account) -> None:
        app = self.apps.get(account.app)
        if app is None:
            return
        if account.subscription is not None:
            self.quotas.spend(app.value, CallKind.WRITE)
            self.subscriptions.delete(app.value, account.subscription.id)
        service_url = self.settings.current().service_url
        if account.claim is not None and service_url is not None:
            # The claim's holder died, or was never told whether Graph had subscribed us.
            self.quotas.spend(app.value, CallKind.LIST)
            for left in self.subscriptions.find(app.value, account.user, service_url):
                self.quotas.spend(app.value, CallKind.WRITE)
                self.subscriptions.delete(app.value, left.id)

    def purge(self, stored: Stored[Account], job: Job) -> None:
        """Removes the last of a removed account, when nothing is left to tell its webhook."""
        del job
        self._purge(stored)

    def _purge(self, stored: Stored[Account]) -> None:
        account = stored.value
        if account.state is not AccountState.DELETED:
            return
        self.webhooks.forget(account.webhook)
        self.accounts.delete(account.key, stored.etag)
        self.log.event("account.purged", account=account.id, correlation=account.incarnation)


def calls_to_end_former(
    account: Account, apps: Lookup[Stored[OAuth2App] | None]
) -> Iterator[tuple[OAuth2App, CallKind]]:
    """Returns what `end_former` is about to ask of Graph, for its quota."""
    found = (apps.get(former.app) for former in account.former_subscriptions)
    return ((app.value, CallKind.WRITE) for app in found if app is not None)


def end_former(
    account: Account, apps: Lookup[Stored[OAuth2App] | None], subscriptions: Subscriptions, log: Log
) -> None:
    """Ends the subscriptions that *account* no longer wants; raises TryLater."""
    for former in account.former_subscriptions:
        app = apps.get(former.app)
        try:
            if app is not None:
                subscriptions.delete(app.value, former.id)
        except (SignInRefused, MailboxRefused) as refusal:
            # A sign-in that no longer works may be why the account moved; what is left ends within 7 days.
            log.problem(
                "subscription.abandoned", account=account.id, correlation=account.incarnation, error=str(refusal)
            )
