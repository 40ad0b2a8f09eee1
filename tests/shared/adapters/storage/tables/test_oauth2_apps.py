"""Applications in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.oauth2_apps import OAuth2AppTable
from shared.ports.state import OAuth2AppStore
from tests.contracts.records import OAuth2AppStoreContract


class TestOnAzurite(OAuth2AppStoreContract):
    """Applications in a table on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> OAuth2AppStore:
        """Return the store."""
        return OAuth2AppTable(connection, prefix)
