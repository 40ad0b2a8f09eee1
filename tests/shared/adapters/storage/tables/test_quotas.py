"""The use of quotas in a table keeps the promises of its port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.quotas import QuotaTable
from shared.ports.state import QuotaStore
from tests.contracts.records import QuotaStoreContract


class TestOnAzurite(QuotaStoreContract):
    """The use of quotas in a table on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> QuotaStore:
        """Return the store."""
        return QuotaTable(connection, prefix)
