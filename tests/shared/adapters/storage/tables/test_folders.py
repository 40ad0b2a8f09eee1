"""Folder trees in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.folders import FolderTable
from shared.ports.state import FolderStore
from tests.contracts.accounts import FolderStoreContract


class TestOnAzurite(FolderStoreContract):
    """Folder trees in a table on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> FolderStore:
        """Return the store."""
        return FolderTable(connection, prefix)
