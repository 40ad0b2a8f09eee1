"""Accounts in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.accounts import AccountTable
from shared.adapters.storage.tables.cursors import CursorTable
from shared.adapters.storage.tables.folders import FolderTable
from shared.domain.errors import Changed, TryLater
from shared.ports.state import AccountStore, CursorStore, FolderStore
from tests.contracts.accounts import AccountStoreContract
from tests.contracts.examples import account
from tests.fakes.storage_wire import WiredConnection


class TestOnAzurite(AccountStoreContract):
    """Accounts on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> AccountStore:
        """Return the store."""
        return AccountTable(connection, prefix)

    @pytest.fixture
    def folders(self, connection: StorageConnection, prefix: str) -> FolderStore:
        """Return the store beside it."""
        return FolderTable(connection, prefix)

    @pytest.fixture
    def cursors(self, connection: StorageConnection, prefix: str) -> CursorStore:
        """Return the other store beside it."""
        return CursorTable(connection, prefix)


def test_a_lost_answer_is_found_out_by_reading(wired: WiredConnection, prefix: str) -> None:
    """Where the answer to a write is lost, the next write is refused and the record is the one that was sent."""
    store = AccountTable(wired, prefix)
    stored = store.insert(account())
    wired.wire.lose = 1
    with pytest.raises(TryLater):
        store.insert(account("berta"))
    with pytest.raises(Changed):
        store.insert(account("berta"))
    berta = store.get(account("berta").key)
    assert berta is not None
    assert berta.value == account("berta")
    wired.wire.lose = 4
    with pytest.raises(TryLater):
        store.replace(account(name="Anna"), stored.etag)
    wired.wire.lose = 0
    now = store.get(stored.value.key)
    assert now is not None
    assert now.value == account(name="Anna")
    assert store.replace(account(), now.etag).value == account()


def test_storage_can_choose_by_column(connection: StorageConnection, prefix: str) -> None:
    """Account id, application and state stand in columns of their own."""
    AccountTable(connection, prefix).insert(account())
    table = connection.tables().get_table_client(f"{prefix}accounts")
    row = table.get_entity(account().key, "account")
    assert {name: row[name] for name in ("account", "app", "state")} == {
        "account": "anna",
        "app": account().app,
        "state": "init",
    }
