"""Grants in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.grants import GrantTable
from shared.ports.state import GrantStore
from tests.contracts.delegated import GrantStoreContract


class TestOnAzurite(GrantStoreContract):
    """Grants on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> GrantStore:
        """Return the store."""
        return GrantTable(connection, prefix)
