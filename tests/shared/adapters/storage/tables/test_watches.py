"""Shards and watches in a table keep the promises of their ports."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.watches import ShardTable, WatchTable
from shared.ports.sidecar import ShardStore, WatchStore
from tests.contracts.delegated import ShardStoreContract


class TestOnAzurite(ShardStoreContract):
    """Shards and watches on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> ShardStore:
        """Return the board."""
        return ShardTable(connection, prefix)

    @pytest.fixture
    def watches(self, connection: StorageConnection, prefix: str) -> WatchStore:
        """Return the watches."""
        return WatchTable(connection, prefix)
