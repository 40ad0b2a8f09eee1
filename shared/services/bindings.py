"""
Bindings: no mailbox is watched by two accounts, whoever registers, moves and removes accounts at the same moment.

A binding stands before its account's row and goes after it. So who finds a mailbox bound to somebody without a row
cannot tell a dead registration from one that is under way, and takes the binding over. Hence an account that wrote its
row writes its binding once more: that succeeds only where nobody took it, and from then on whoever read the binding
earlier cannot take it or free it any more, and finds the row when he reads again.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from shared.domain.accounts import Access, Account, AccountState, account_key
from shared.domain.errors import Changed, InvalidRequest
from shared.ports.state import AccountStore, MailboxStore


@dataclass(frozen=True)
class Bindings:
    """Binds mailboxes to accounts."""

    store: MailboxStore
    accounts: AccountStore

    def bind(self, access: Access, account: str) -> None:
        """Binds the mailbox to *account*, before its row says so; raises AccountExists where another watches it."""
        while self.store.bind(access.app, access.user, account) != account:
            bound = self.store.holder(access.app, access.user)
            if bound is None or bound.value == account:
                continue
            if self._is_watched(access.app, access.user, bound.value):
                raise AccountExists(bound.value)
            with suppress(Changed):
                self.store.rebind(access.app, access.user, account, bound.etag)

    def confirm(self, access: Access, account: str) -> None:
        """Holds the mailbox, now that the row of *account* says so; raises AccountExists where another was faster."""
        while True:
            bound = self.store.holder(access.app, access.user)
            if bound is None:
                if self.store.bind(access.app, access.user, account) == account:
                    return
                continue
            if bound.value != account:
                raise AccountExists(bound.value)
            with suppress(Changed):
                self.store.rebind(access.app, access.user, account, bound.etag)
                return

    def release(self, app: str, user: str, account: str) -> None:
        """Frees the mailbox where *account* holds it and does not watch it any more, nor again."""
        bound = self.store.holder(app, user)
        if bound is None or bound.value != account or self._is_watched(app, user, account):
            return
        # Else it was bound anew a moment ago.
        with suppress(Changed):
            self.store.release(app, user, bound.etag)

    def _is_watched(self, app: str, user: str, account: str) -> bool:
        stored = self.accounts.get(account_key(account))
        if stored is None or stored.value.state is AccountState.DELETED:
            return False
        return watches(stored.value, app, user)


class AccountExists(InvalidRequest):
    """Another account watches the same mailbox through the same application."""

    code = "AccountAlreadyExists"

    def __init__(self, existing: str) -> None:
        super().__init__(message="Another account for the same OAuth2 user already exists")
        self.existing = existing

    def extras(self) -> dict[str, Any]:
        """Returns the account that exists."""
        return {"existingAccount": self.existing}


def watches(account: Account, app: str, user: str) -> bool:
    """Tells whether *account* is about this mailbox, however its address is spelt."""
    return account.app == app and account.user.lower() == user.lower()
