"""Permits in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.permits import PermitTable
from shared.ports.state import PermitStore
from tests.contracts.records import PermitStoreContract


class TestOnAzurite(PermitStoreContract):
    """Permits on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> PermitStore:
        """Return the store."""
        return PermitTable(connection, prefix)
