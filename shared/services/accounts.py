"""
Accounts: registered at once, connected afterwards.

The row comes first, then the job: a crash in between leaves a registration, or a removal, that the same request,
repeated, completes.
"""

from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from shared.domain.accounts import Access, Account, AccountQuery, AccountState, account_key, list_entry, view
from shared.domain.changes import ChangeBatch, account_event
from shared.domain.errors import AccountNotFound, Changed
from shared.domain.events import EventName
from shared.domain.fields import check_scheme
from shared.domain.jobs import Job, JobKind
from shared.domain.masking import unmasked_url
from shared.domain.oauth2 import OAuth2App
from shared.domain.paging import decode_cursor, encode_cursor, numbered
from shared.domain.registrations import AccountChange, NewAccount
from shared.domain.watches import watch_of
from shared.ports.machine import Machine
from shared.ports.queues import ChangeQueue, JobQueue
from shared.ports.records import Page, Stored
from shared.ports.sidecar import WatchStore
from shared.ports.state import AccountStore
from shared.services.bindings import AccountExists, Bindings, watches
from shared.services.grants import Grants
from shared.services.lookups import Lookup
from shared.services.standings import is_wanted
from shared.services.tokens import Tokens
from shared.services.webhooks import Webhooks

# A year that nobody means would break arithmetic.
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_OPTIONS = (
    "copy_",
    "logs",
    "locale",
    "tz",
    "notify_from",
    "path",
    "subconnections",
    "expected_email",
    "smtp_ehlo_name",
    "imap_indexer",
)


@dataclass(frozen=True)
class Accounts:
    """Registers, changes, shows and removes accounts."""

    store: AccountStore
    bindings: Bindings
    apps: Lookup[Stored[OAuth2App] | None]
    grants: Grants
    watches: WatchStore
    webhooks: Webhooks
    account_lookup: Lookup[Stored[Account] | None]
    tokens: Tokens
    changes: ChangeQueue
    jobs: JobQueue
    machine: Machine
    allow_http: bool

    def register(self, request: NewAccount, access: Access) -> tuple[str, str]:
        """
        Stores an account, new or again, and queues its connection; returns its id and `new` or `existing`.

        Raises InvalidRequest where another account watches the same mailbox.
        """
        account = request.account or self.machine.randomness.account_id()
        check_scheme(request.webhooks, allow_http=self.allow_http)
        key = account_key(account)
        while True:
            self.bindings.bind(access, account)
            stored = self.store.get(key)
            try:
                if stored is None or stored.value.state is AccountState.DELETED:
                    self._add(account, request, access, stored)
                    return account, "new"
                self._renew(stored, request, access)
            except Changed:
                continue
            return account, "existing"

    def change(self, account: str, change: AccountChange, access: Access | None) -> None:
        """Changes what *change* names and connects anew; raises AccountNotFound, or InvalidRequest as `register`."""
        check_scheme(change.webhooks, allow_http=self.allow_http)
        while True:
            stored = self._stored(account)
            if access is not None:
                self.bindings.bind(access, account)
            try:
                self._renew(stored, change, access or stored.value.access)
            except Changed:
                continue
            return

    def get(self, account: str) -> Account | None:
        """Returns the account as it is now, unless it was removed."""
        stored = self.store.get(account_key(account))
        return None if stored is None or stored.value.state is AccountState.DELETED else stored.value

    def reconnect(self, account: str) -> None:
        """Queues a fresh connection of the account; raises AccountNotFound."""
        stored = self._stored(account)
        self._queue(JobKind.RECONNECT, stored.value)

    def sync(self, account: str) -> None:
        """Queues a look at the mailbox for what no notification told; raises AccountNotFound."""
        self._queue(JobKind.CATCH_UP, self._stored(account).value)

    def remove(self, account: str) -> None:
        """Marks the account as deleted at once and queues the rest of the removal; raises AccountNotFound."""
        while True:
            stored = self.store.get(account_key(account))
            if stored is not None and stored.value.state is AccountState.DELETED:
                # A removal that died before it queued its job; the job finds nothing to do where it did not.
                self._queue(JobKind.DISCONNECT, stored.value)
            if stored is None or stored.value.state is AccountState.DELETED:
                raise AccountNotFound(account)
            gone = stored.value
            try:
                # A claim stays: whoever died with it may have left a subscription for the removal to look for.
                self._keep(gone.become(AccountState.DELETED, updated=self.machine.clock.now()), stored)
            except Changed:
                continue
            self.account_lookup.forget(gone.key)
            self.tokens.revoke_bound(gone.id)
            self._queue(JobKind.DISCONNECT, gone)
            self.machine.log.event("account.deleted", account=gone.id, correlation=gone.incarnation)
            return

    def show(self, account: str) -> dict[str, Any]:
        """Returns the account as the API shows it; raises AccountNotFound."""
        stored = self._stored(account)
        return view(stored.value, provider=self._provider(stored.value.app)).model_dump(mode="json", by_alias=True)

    def page(self, query: AccountQuery) -> dict[str, Any]:
        """
        Returns a page of accounts.

        A numbered page counts and sorts all accounts, as EmailEngine does; a page by cursor reads only what it shows.
        """
        if query.cursor is not None:
            return self._page_by_cursor(query)
        found = sorted((a for a in self.store.all() if _matches(a, query)), key=lambda account: account.id)
        counts, shown = numbered(found, query.page, query.page_size)
        return {
            **counts,
            "query": query.query or False,
            "state": query.state or "*",
            "accounts": [self._entry(account) for account in shown],
        }

    def _page_by_cursor(self, query: AccountQuery) -> dict[str, Any]:
        # `start` asks for the first page: the position before everything.
        position = None if query.cursor == "start" else decode_cursor(query.cursor)
        page: Page[Account] = Page([], None)
        if query.state is None or query.state in set(AccountState):
            state = AccountState(query.state) if query.state else None
            page = self.store.page(position, query.page_size, state=state)
        return {
            "query": query.query or False,
            "state": query.state or "*",
            "nextPageCursor": encode_cursor(page.position),
            "accounts": [self._entry(account) for account in page.items if _matches(account, query)],
        }

    def _entry(self, account: Account) -> dict[str, Any]:
        return list_entry(account, provider=self._provider(account.app)).model_dump(mode="json", by_alias=True)

    def _stored(self, account: str) -> Stored[Account]:
        stored = self.store.get(account_key(account))
        if stored is None or stored.value.state is AccountState.DELETED:
            raise AccountNotFound(account)
        return stored

    def _provider(self, app: str) -> str:
        stored = self.apps.get(app)
        return stored.value.provider if stored else "oauth2"

    def _add(self, account: str, request: NewAccount, access: Access, deleted: Stored[Account] | None) -> None:
        now = self.machine.clock.now()
        incarnation = self.machine.randomness.nonce()
        key = account_key(account)
        new = Account(
            id=account,
            key=key,
            incarnation=incarnation,
            name=request.name,
            email=request.address,
            **asdict(access),
            webhooks=unmasked_url(request.webhooks, None),
            options=_options(request, {}),
            former_subscriptions=deleted.value.former(deleted.value.subscription) if deleted else (),
            watched_since=None if access.grant else _watched_since(request, now),
            created=now,
            updated=now,
        )
        self._set_webhook(new, request)
        try:
            self._write(new, deleted)
        except (Changed, AccountExists):
            # Nobody else will ever name this registration.
            self.webhooks.forget(new.webhook)
            raise
        self._queue(JobKind.CONNECT, new)
        self.machine.log.event("account.registered", account=account, app=new.app, correlation=incarnation)

    def _write(self, new: Account, deleted: Stored[Account] | None) -> None:
        # Before the row: the grant's last account must not go in between and take the token along.
        if new.grant:
            self.grants.attach(new.grant, new.key)
        if deleted:
            self._bury(deleted.value, new)
        self._keep(new, deleted)
        self.account_lookup.forget(new.key)
        try:
            self.bindings.confirm(new.access, new.id)
        except AccountExists:
            self.store.delete(new.key, self._latest_etag(new.key))
            raise

    def _renew(self, stored: Stored[Account], change: NewAccount | AccountChange, access: Access) -> None:
        former = stored.value
        given = change.model_fields_set
        update: dict[str, Any] = {
            name: getattr(change, name) for name in ("name", "email", "webhooks") if name in given
        }
        update |= asdict(access)
        moved = not watches(former, access.app, access.user)
        if moved:
            update |= {"subscription": None, "former_subscriptions": former.former(former.subscription)}
            update |= {"watched_since": None, "swept": None, "claim": None}
        update |= {"options": _options(change, former.options), "updated": self.machine.clock.now()}
        if "webhooks" in given:
            update["webhooks"] = unmasked_url(change.webhooks, former.webhooks)
        changed = former.model_copy(update=update)
        self._set_webhook(changed, change)
        if changed.grant:
            self.grants.attach(changed.grant, changed.key)
        self._keep(changed, stored)
        self.account_lookup.forget(former.key)
        if moved:
            try:
                self.bindings.confirm(access, changed.id)
            except AccountExists:
                self._move_back(former, changed)
                raise
        self._leave(former, changed)
        if moved:
            self.bindings.release(former.app, former.user, former.id)
        self._queue(JobKind.RECONNECT, changed)

    def _keep(self, account: Account, former: Stored[Account] | None) -> None:
        """Writes the row; raises Changed where it is another one now."""
        try:
            if former:
                self.store.replace(account, former.etag)
            else:
                self.store.insert(account)
        except Changed:
            # A first try may have written it, and only its answer was lost.
            current = self.store.get(account.key)
            if current is None or current.value != account:
                raise

    def _move_back(self, former: Account, moved: Account) -> None:
        """Has the account watch its *former* mailbox again, from where it left that, unless somebody moved it on."""
        while (stored := self.store.get(moved.key)) is not None and is_wanted(stored.value, moved):
            now = stored.value
            back = asdict(former.access) | {"watched_since": former.watched_since, "swept": former.swept}
            back |= {"subscription": None, "former_subscriptions": now.former(now.subscription), "claim": None}
            returned = now.model_copy(update={**back, "updated": self.machine.clock.now()})
            with suppress(Changed):
                self.store.replace(returned, stored.etag)
                self.account_lookup.forget(moved.key)
                self._leave(moved, returned)
                self._queue(JobKind.RECONNECT, returned)
                return

    def _queue(self, kind: JobKind, account: Account) -> None:
        self.jobs.put(Job(kind=kind, account=account.key, incarnation=account.incarnation))

    def _set_webhook(self, account: Account, change: NewAccount | AccountChange) -> None:
        self.webhooks.set(account.webhook, change, url=account.webhooks, name=f"webhook-headers-{account.key}")

    def _bury(self, gone: Account, new: Account) -> None:
        """Does what the removal of *gone* cannot do any more: it will find the *new* registration in its place."""
        self.tokens.revoke_bound(gone.id)
        if not watches(gone, new.app, new.user):
            self.bindings.release(gone.app, gone.user, gone.id)
        self._leave(gone, new)
        version, at = gone.incarnation, gone.updated
        said = account_event(gone, EventName.ACCOUNT_DELETED, version, at, {"account": gone.id})
        self.changes.put(ChangeBatch(account_events=(said,)))
        self.webhooks.forget(gone.webhook)

    def _leave(self, former: Account, now: Account) -> None:
        """Ends what a grant did for *former*, where it does not do the same for the account as it is *now*."""
        if former.grant and (former.incarnation, former.grant) != (now.incarnation, now.grant):
            self.watches.delete(watch_of(former))
        if former.grant and former.grant != now.grant:
            self.grants.detach(former.grant, former.key, seen=now.updated)

    def _latest_etag(self, key: str) -> str:
        stored = self.store.get(key)
        return stored.etag if stored else ""


def _options(change: NewAccount | AccountChange, former: dict[str, Any]) -> dict[str, Any]:
    given = change.model_dump(mode="json", include=set(_OPTIONS) & change.model_fields_set, by_alias=True)
    options = {**former, **given}
    if "webhooks_custom_headers" in change.model_fields_set:
        options["customHeaderNames"] = [header.key for header in change.webhooks_custom_headers or ()]
    return options


def _watched_since(request: NewAccount, now: datetime) -> datetime | None:
    """Returns since when *request* wants mail told that is there already; None where it does not."""
    since = request.notify_from
    if not isinstance(since, datetime):
        return None
    since = max(since if since.tzinfo else since.replace(tzinfo=UTC), _EARLIEST).astimezone(UTC)
    return since if since < now else None


def _matches(account: Account, query: AccountQuery) -> bool:
    if account.state is AccountState.DELETED or (query.state is not None and query.state != account.state):
        return False
    if not query.query:
        return True
    wanted = query.query.lower()
    return any(wanted in (text or "").lower() for text in (account.id, account.name, account.email))
