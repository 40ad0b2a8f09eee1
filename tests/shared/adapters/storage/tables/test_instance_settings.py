"""Settings in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.instance_settings import InstanceSettingsTable
from shared.ports.state import InstanceSettingsStore
from tests.contracts.records import InstanceSettingsStoreContract


class TestOnAzurite(InstanceSettingsStoreContract):
    """Settings in a table on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> InstanceSettingsStore:
        """Return the store."""
        return InstanceSettingsTable(connection, prefix)
