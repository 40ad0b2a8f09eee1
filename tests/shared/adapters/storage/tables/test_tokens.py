"""Access tokens in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.tokens import TokenTable
from shared.ports.state import TokenStore
from tests.contracts.records import TokenStoreContract


class TestOnAzurite(TokenStoreContract):
    """Access tokens in a table on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> TokenStore:
        """Return the store."""
        return TokenTable(connection, prefix)
