"""Cursors in a table keep the promises of their port."""

import secrets

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.accounts import AccountTable
from shared.adapters.storage.tables.cursors import CursorTable
from shared.domain.errors import Changed
from shared.ports.state import CursorStore
from tests.contracts.due import CursorStoreContract
from tests.contracts.examples import account
from tests.fakes.storage_wire import WiredConnection


class TestOnAzurite(CursorStoreContract):
    """Cursors on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> CursorStore:
        """Return the store."""
        return CursorTable(connection, prefix)


def test_cursors_go_with_their_account(connection: StorageConnection, prefix: str) -> None:
    """Deleting an account removes its cursors, and nobody else's, also those that were written later."""
    accounts, cursors = AccountTable(connection, prefix), CursorTable(connection, prefix)
    anna, berta = (accounts.insert(account(name)) for name in ("anna", "berta"))
    for each in (anna, berta):
        cursors.put(each.value.key, {"inbox": "link"})
    assert len(list(accounts.all())) == 2
    accounts.delete(anna.value.key, anna.etag)
    assert cursors.get(anna.value.key) == {}
    assert cursors.get(berta.value.key) == {"inbox": "link"}
    cursors.put(anna.value.key, {"inbox": "late"})
    accounts.delete(anna.value.key, None)
    assert cursors.get(anna.value.key) == {}
    with pytest.raises(Changed):
        accounts.delete(berta.value.key, None)


def test_long_links_are_one_row(wired: WiredConnection, prefix: str) -> None:
    """Fifty links of 8 KiB that do not compress are written and read in a request each."""
    link = "https://graph.microsoft.com/v1.0/users/a/mailFolders/{}/messages/delta?$deltatoken={}"
    links = {f"f{n}": link.format(n, secrets.token_urlsafe(6144)) for n in range(50)}
    store = CursorTable(wired, prefix)
    store.put("anna", {})
    wired.wire.calls.clear()
    store.put("anna", links)
    assert store.get("anna") == links
    assert len(wired.wire.calls) == 2
