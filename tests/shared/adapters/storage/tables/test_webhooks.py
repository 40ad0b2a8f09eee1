"""Webhooks in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.webhooks import WebhookTable
from shared.ports.deliveries import WebhookStore
from tests.contracts.records import WebhookStoreContract


class TestOnAzurite(WebhookStoreContract):
    """Webhooks in a table on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> WebhookStore:
        """Return the store."""
        return WebhookTable(connection, prefix)
