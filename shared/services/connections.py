"""
Connections: the background work that opens an account's mailbox, has Graph call us about it, and ends both.

Every step is one row write with its ETag, and every step finds out first whether it was done: a job may run twice,
beside its twin, or again after a crash. Creating a subscription is guarded by a claim in the row, so two jobs at the
same time leave one subscription; a claim whose holder died is taken over, and what that holder may have created is
looked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from shared.domain.accounts import Account, AccountState, Claim, LastError, Subscription
from shared.domain.changes import AccountEvent, ChangeBatch, account_event
from shared.domain.client_state import ClientStates
from shared.domain.errors import Changed, MailboxRefused, SignInRefused, TryLater
from shared.domain.events import EventName
from shared.domain.jobs import Job, JobKind
from shared.domain.oauth2 import OAuth2App
from shared.ports import (
    AccountStore,
    ChangeQueue,
    Clock,
    FolderStore,
    JobQueue,
    Log,
    Mailboxes,
    MailboxStore,
    Randomness,
    Stored,
    Subscriptions,
    TokenStore,
    Vault,
    WebhookStore,
)
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup

# Longer than creating a subscription can take (Graph waits 10 s for each of our two endpoints, our client 30 s).
_CLAIM = timedelta(seconds=60)
_BACKOFF = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 60, 300, 900, 3600))
# A permission granted in Entra or Exchange takes up to two hours to work; after a refusal we ask once an hour.
_REFUSED_WAIT = timedelta(hours=1)
_FIRST_REFUSALS = (timedelta(seconds=30), timedelta(minutes=2))
# A deleted account's webhook lives until the last retry of `accountDeleted` is over.
_PURGE_WAIT = timedelta(days=5)
_REAUTHORIZE_PAUSE = timedelta(minutes=10)
_OUTAGE_WAIT = timedelta(seconds=60)


@dataclass(frozen=True)
class Connections:
    """Carries out jobs."""

    accounts: AccountStore
    account_lookup: Lookup[Stored[Account] | None]
    bindings: MailboxStore
    apps: Lookup[Stored[OAuth2App] | None]
    mailboxes: Mailboxes
    folders: FolderStore
    subscriptions: Subscriptions
    client_states: ClientStates
    webhooks: WebhookStore
    tokens: TokenStore
    vault: Vault
    settings: InstanceSettingsService
    changes: ChangeQueue
    jobs: JobQueue
    clock: Clock
    randomness: Randomness
    log: Log

    def run(self, job: Job) -> None:
        """Carries out *job*; what must be tried later is queued anew, so that no failure ends as a poison message."""
        try:
            stored = self.accounts.get(job.account)
            if stored is None or job.incarnation not in (None, stored.value.incarnation):
                return
            self._work(job)(stored)
        except Changed:
            # Somebody else works on the same account; look again when he is done.
            self.jobs.put(job, timedelta(seconds=2 + 2 * self.randomness.fraction()))
        except TryLater as busy:
            # Without table or vault nothing can be done now, and the host would soon give the message up as poison.
            self.log.problem("job.postponed", kind=job.kind, account=job.account, error=str(busy))
            self.jobs.put(job, busy.retry_after or _OUTAGE_WAIT)
        finally:
            self.account_lookup.forget(job.account)

    def _work(self, job: Job) -> Callable[[Stored[Account]], None]:
        kinds: dict[JobKind, Callable[[Stored[Account]], None]] = {
            JobKind.CONNECT: lambda stored: self._connect(stored, job),
            JobKind.RECONNECT: lambda stored: self._connect(stored, job),
            JobKind.DISCONNECT: lambda stored: self._disconnect(stored, job),
            JobKind.PURGE: self._purge,
            JobKind.REAUTHORIZE: lambda stored: self._reauthorize(stored, job),
            JobKind.RECREATE: lambda stored: self._recreate(stored, job),
            JobKind.CATCH_UP: self._note_missed,
        }
        return kinds[job.kind]

    def _connect(self, stored: Stored[Account], job: Job) -> None:
        account, now = stored.value, self.clock.now()
        watched = account.subscription is not None and account.subscription.expires > now
        done = watched and account.state is AccountState.CONNECTED
        if account.state is AccountState.DELETED or (done and job.kind is JobKind.CONNECT):
            return
        orphaned = account.claim is not None
        if not done:
            stored = self._claim(stored)
        asked = False
        try:
            app = self._app(account)
            self._drop_former(account)
            self.folders.put(account.key, self.mailboxes.probe(app, account.user))
            asked = not watched
            subscription = account.subscription if watched else self._subscribe(account, app, orphaned=orphaned)
        except (SignInRefused, MailboxRefused) as refusal:
            self._refused(stored, refusal)
        except TryLater as busy:
            # Whoever is asked to wait got nothing; no answer at all may hide a subscription, so the claim stays.
            self._postponed(stored, busy, unsure=asked and busy.retry_after is None)
        else:
            self._connected(stored, app, subscription)

    def _claim(self, stored: Stored[Account]) -> Stored[Account]:
        account, now = stored.value, self.clock.now()
        if account.claim is not None and account.claim.until > now:
            raise Changed(f"Another job connects {account.id!r}.")
        if account.state is AccountState.NEW:
            version, data = account.incarnation, {"account": account.id}
            self._announce(account_event(account, EventName.ACCOUNT_ADDED, version, account.created, data))
        claim = Claim(holder=self.randomness.nonce(), until=now + _CLAIM)
        claimed = account.become(
            AccountState.CONNECTING, claim=claim, watched_since=account.watched_since or now, updated=now
        )
        return self.accounts.replace(claimed, stored.etag)

    def _subscribe(self, account: Account, app: OAuth2App, *, orphaned: bool) -> Subscription:
        service_url = self.settings.current().service_url
        if service_url is None:
            raise TryLater('no "serviceUrl" is set, so Graph cannot call us: set it through POST /v1/settings')
        left = self.subscriptions.find(app, account.user, service_url) if orphaned else []
        # What a dead holder of the claim left behind is adopted; anything further is ended.
        for surplus in left[1:]:
            self.subscriptions.delete(app, surplus.id)
        if left:
            return left[0]
        client_state = self.client_states.make(account.key)
        subscription = self.subscriptions.create(app, account.user, client_state, service_url)
        self.log.event(
            "subscription.created", account=account.id, correlation=account.incarnation, expires=subscription.expires
        )
        return subscription

    def _connected(self, stored: Stored[Account], app: OAuth2App, subscription: Subscription | None) -> None:
        account = stored.value
        at = self.clock.now() if account.initialized else account.watched_since or account.created
        mended = account.last_error is not None and account.last_error.permanent
        said = []
        if not account.initialized or mended:
            version = f"{account.incarnation}/{account.error_count}"
            data: dict[str, Any] = {"user": account.user}
            said.append(account_event(account, EventName.AUTHENTICATION_SUCCESS, version, at, data))
        if not account.initialized:
            data = {"initialized": True}
            said.append(account_event(account, EventName.ACCOUNT_INITIALIZED, account.incarnation, at, data))
        self._announce(*said)
        try:
            self._finish(
                stored,
                AccountState.CONNECTED,
                subscription=subscription,
                initialized=True,
                last_error=None,
                next_attempt=None,
                attempts=0,
                former_subscriptions=(),
            )
        except Changed:
            current = self.accounts.get(account.key)
            if subscription is not None and not (current and _wants(current.value, account)):
                self.subscriptions.delete(app, subscription.id)
            raise
        self.log.event("account.connected", account=account.id, correlation=account.incarnation)

    def _refused(self, stored: Stored[Account], refusal: SignInRefused | MailboxRefused) -> None:
        """Tells a refusal that a human must mend, once per reason, and asks again by itself once an hour."""
        account = stored.value
        if account.attempts < len(_FIRST_REFUSALS) and isinstance(refusal, MailboxRefused):
            # Consent takes minutes to reach Exchange: https://learn.microsoft.com/graph/auth-limit-mailbox-access
            wait = _FIRST_REFUSALS[account.attempts]
            self._fail(stored, AccountState.CONNECT_ERROR, _error(refusal, permanent=False), wait)
            return
        error, count = _error(refusal, permanent=True), account.error_count
        told = account.last_error is not None and account.last_error.permanent and account.last_error.code == error.code
        if not told:
            count += 1
            data: dict[str, Any] = {"response": error.response, "serverResponseCode": error.code}
            if error.token_request:
                data["tokenRequest"] = error.token_request
            version = f"{account.incarnation}/{count}"
            said = account_event(account, EventName.AUTHENTICATION_ERROR, version, self.clock.now(), data)
            self._announce(said)
        self._fail(stored, AccountState.AUTHENTICATION_ERROR, error, _REFUSED_WAIT, error_count=count)

    def _postponed(self, stored: Stored[Account], busy: TryLater, *, unsure: bool) -> None:
        wait = _BACKOFF[min(stored.value.attempts, len(_BACKOFF) - 1)]
        if busy.retry_after is not None:
            wait = max(wait, min(busy.retry_after, _BACKOFF[-1]))
        error = LastError(response=str(busy), code="TryLater")
        claim = stored.value.claim if unsure else None
        kept = claim.model_copy(update={"until": self.clock.now()}) if claim else None
        self._fail(stored, AccountState.CONNECT_ERROR, error, wait, claim=kept)

    def _fail(
        self, stored: Stored[Account], state: AccountState, error: LastError, wait: timedelta, **changes: Any
    ) -> None:
        account, now = stored.value, self.clock.now()
        wait *= 1 + 0.2 * self.randomness.fraction()
        # While a human must still mend something, a hiccup on top of it changes nothing about that.
        if state is AccountState.CONNECT_ERROR and account.last_error is not None and account.last_error.permanent:
            state, error = AccountState.AUTHENTICATION_ERROR, account.last_error
        # The next job comes before the row: a crash in between repeats it, and the other order could lose it.
        self.jobs.put(Job(kind=JobKind.RECONNECT, account=account.key, incarnation=account.incarnation), wait)
        attempts = account.attempts + 1
        self._finish(stored, state, last_error=error, next_attempt=now + wait, attempts=attempts, **changes)
        self.log.problem(
            "account.failed",
            account=account.id,
            correlation=account.incarnation,
            state=state,
            code=error.code,
            error=error.response,
            again=now + wait,
        )

    def _finish(self, stored: Stored[Account], state: AccountState, **changes: Any) -> None:
        """Writes what a connection came to; what the API changed meanwhile stays, while the claim is still ours."""
        ours = stored.value
        changes = {"claim": None, "updated": self.clock.now(), **changes}
        while True:
            try:
                self.accounts.replace(stored.value.become(state, **changes), stored.etag)
            except Changed:
                current = self.accounts.get(ours.key)
                if current is None or current.value.claim != ours.claim or not _wants(current.value, ours):
                    raise
                if not current.value.can_become(state):
                    raise
                stored = current
            else:
                return

    def _disconnect(self, stored: Stored[Account], job: Job) -> None:
        account = stored.value
        if account.state is not AccountState.DELETED:
            return
        try:
            self._drop_former(account)
            self._unsubscribe(account)
        except TryLater as busy:
            self.jobs.put(job, busy.retry_after or _BACKOFF[2])
            self.log.problem(
                "account.disconnect_postponed", account=account.id, correlation=account.incarnation, error=str(busy)
            )
            return
        except (SignInRefused, MailboxRefused) as refusal:
            # We may not end it any more; it ends by itself within 7 days, and what it says of a stranger is dropped.
            self.log.problem(
                "subscription.abandoned", account=account.id, correlation=account.incarnation, error=str(refusal)
            )
        self.bindings.release(account.app, account.user, account.id)
        version, data = account.incarnation, {"account": account.id}
        self._announce(account_event(account, EventName.ACCOUNT_DELETED, version, account.updated, data))
        if account.webhooks is None:
            self._purge(stored)
            return
        self.jobs.put(Job(kind=JobKind.PURGE, account=account.key, incarnation=account.incarnation), _PURGE_WAIT)
        # What is left names the webhook that must still hear of the end, and nothing else of the account.
        nothing: dict[str, Any] = {"name": None, "email": None, "subscription": None, "claim": None, "options": {}}
        left = account.model_copy(update=nothing)
        self.accounts.replace(left, stored.etag)

    def _unsubscribe(self, account: Account) -> None:
        app = self.apps.get(account.app)
        if app is None:
            return
        if account.subscription is not None:
            self.subscriptions.delete(app.value, account.subscription.id)
        service_url = self.settings.current().service_url
        if account.claim is not None and service_url is not None:
            # The claim's holder died, or was never told whether Graph had subscribed us.
            for left in self.subscriptions.find(app.value, account.user, service_url):
                self.subscriptions.delete(app.value, left.id)

    def _purge(self, stored: Stored[Account]) -> None:
        account = stored.value
        if account.state is not AccountState.DELETED:
            return
        webhook = self.webhooks.get(account.webhook)
        if webhook is not None:
            if webhook.value.headers:
                self.vault.delete(webhook.value.headers)
            self.webhooks.delete(account.webhook)
        for token in [token for token in self.tokens.all() if token.account == account.id]:
            self.tokens.delete(token.id)
        self.accounts.delete(account.key, stored.etag)
        self.log.event("account.purged", account=account.id, correlation=account.incarnation)

    def _reauthorize(self, stored: Stored[Account], job: Job) -> None:
        """Renews the subscription, which reauthorizes it too; Graph repeats its challenge, and one answer is enough."""
        account, now = stored.value, self.clock.now()
        subscription = account.subscription
        if subscription is None:
            self._recreate(stored, job)
            return
        if account.state is AccountState.DELETED or subscription.id != job.subscription:
            return
        if subscription.renewed is not None and now - subscription.renewed < _REAUTHORIZE_PAUSE:
            return
        try:
            renewed = self.subscriptions.renew(self._app(account), subscription.id)
        except TryLater as busy:
            self.jobs.put(job, busy.retry_after or _BACKOFF[1])
            return
        except (SignInRefused, MailboxRefused) as refusal:
            self._refused(stored, refusal)
            return
        if renewed is None:
            self._recreate(stored, job)
            return
        kept = subscription.model_copy(update={"expires": renewed.expires, "renewed": now})
        self.accounts.replace(account.model_copy(update={"subscription": kept, "updated": now}), stored.etag)
        self.log.event(
            "subscription.renewed", account=account.id, correlation=account.incarnation, expires=renewed.expires
        )

    def _recreate(self, stored: Stored[Account], job: Job) -> None:
        account = stored.value
        if account.state is AccountState.DELETED:
            return
        if account.subscription is not None:
            if account.subscription.id != job.subscription:
                return
            self.log.problem("subscription.removed", account=account.id, correlation=account.incarnation)
            without = account.model_copy(update={"subscription": None, "updated": self.clock.now()})
            stored = self.accounts.replace(without, stored.etag)
        self._connect(stored, Job(kind=JobKind.RECONNECT, account=account.key))

    def _note_missed(self, stored: Stored[Account]) -> None:
        self.log.problem("notifications.missed", account=stored.value.id)

    def _drop_former(self, account: Account) -> None:
        for former in account.former_subscriptions:
            app = self.apps.get(former.app)
            try:
                if app is not None:
                    self.subscriptions.delete(app.value, former.id)
            except (SignInRefused, MailboxRefused) as refusal:
                # A sign-in that no longer works may be why the account moved; what is left ends within 7 days.
                self.log.problem("subscription.abandoned", account=account.id, error=str(refusal))

    def _app(self, account: Account) -> OAuth2App:
        stored = self.apps.get(account.app)
        if stored is None:
            raise SignInRefused(
                f"The OAuth2 application {account.app!r} was deleted.",
                reason="AppNotFound",
                mend="Set another application through PUT /v1/account/{account}.",
            )
        return stored.value

    def _announce(self, *said: AccountEvent) -> None:
        """
        Queues events of the account itself, before the row that they are about is written.

        A crash in between has the job run again and say the same under the same ids.
        """
        if said:
            self.changes.put(ChangeBatch(account_events=said))


def _wants(current: Account, subscribed: Account) -> bool:
    """Tells whether the account as it is now still wants what was begun for it as it was *subscribed*."""
    if current.state is AccountState.DELETED:
        return False
    return (current.incarnation, current.app, current.user) == (
        subscribed.incarnation,
        subscribed.app,
        subscribed.user,
    )


def _error(refusal: SignInRefused | MailboxRefused, *, permanent: bool) -> LastError:
    token_request = refusal.token_request if isinstance(refusal, SignInRefused) else None
    return LastError(
        response=str(refusal),
        code=refusal.reason,
        description=refusal.mend,
        token_request=token_request or None,
        permanent=permanent,
    )
