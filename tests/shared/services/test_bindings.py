"""Bindings: whatever two processes do in between, a mailbox is watched by one account, and bound to it."""

from collections.abc import Callable

import pytest

from shared.domain.accounts import Access, Account, AccountState
from shared.ports.records import Stored
from shared.services.bindings import AccountExists, Bindings
from tests.factories import APP, an_account
from tests.fakes.stores import FakeAccountStore, FakeMailboxStore

USER = "shared@contoso.com"
ACCESS = Access(APP, USER)


class Accounts(FakeAccountStore):
    """Accounts; `meanwhile` is what another process does right after the next read."""

    meanwhile: Callable[[], object] = staticmethod(lambda: None)

    def get(self, key: str) -> Stored[Account] | None:
        """Return the account, and let the other process act."""
        found = super().get(key)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return found


@pytest.fixture
def accounts() -> Accounts:
    """Return the accounts of all processes."""
    return Accounts()


@pytest.fixture
def mailboxes() -> FakeMailboxStore:
    """Return the mailboxes of all processes."""
    return FakeMailboxStore()


@pytest.fixture
def bindings(accounts: Accounts, mailboxes: FakeMailboxStore) -> Bindings:
    """Return the bindings of one process; they remember nothing."""
    return Bindings(mailboxes, accounts)


def register(bindings: Bindings, accounts: Accounts, name: str) -> None:
    """Write the account's row, and hold its mailbox."""
    accounts.insert(an_account(name, user=USER))
    bindings.confirm(ACCESS, name)


def test_who_has_a_row_keeps_its_mailbox(bindings: Bindings, accounts: Accounts, mailboxes: FakeMailboxStore) -> None:
    """Who took a registration for dead, whose row came right after that look, looks again and finds it."""
    bindings.bind(ACCESS, "anna")
    accounts.meanwhile = lambda: register(bindings, accounts, "anna")
    with pytest.raises(AccountExists) as refused:
        bindings.bind(ACCESS, "ben")
    assert refused.value.existing == "anna"
    assert mailboxes.bind(APP, USER, "carl") == "anna"


def test_who_was_taken_for_dead_is_told(bindings: Bindings, accounts: Accounts) -> None:
    """A registration whose binding went to another before its row stood does not hold the mailbox."""
    bindings.bind(ACCESS, "anna")
    bindings.bind(ACCESS, "ben")
    with pytest.raises(AccountExists) as refused:
        register(bindings, accounts, "anna")
    assert refused.value.existing == "ben"


def test_a_late_release_frees_nobody_else(bindings: Bindings, accounts: Accounts, mailboxes: FakeMailboxStore) -> None:
    """Where an id is registered again while its removal is under way, its mailbox stays bound."""
    gone = accounts.insert(an_account("anna", user=USER, state=AccountState.DELETED))
    bindings.bind(ACCESS, "anna")

    def come_back() -> None:
        accounts.replace(an_account("anna", user=USER), gone.etag)
        bindings.confirm(ACCESS, "anna")

    accounts.meanwhile = come_back
    bindings.release(APP, USER, "anna")
    assert mailboxes.bind(APP, USER, "ben") == "anna"


def test_a_binding_that_went_is_made_again(bindings: Bindings, accounts: Accounts, mailboxes: FakeMailboxStore) -> None:
    """Where a late release came before the row, the row's binding is made anew."""
    register(bindings, accounts, "anna")
    assert mailboxes.bind(APP, USER, "ben") == "anna"
