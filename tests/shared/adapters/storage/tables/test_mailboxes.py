"""Mailboxes in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.mailboxes import MailboxTable
from shared.ports.state import MailboxStore
from tests.contracts.accounts import MailboxStoreContract


class TestOnAzurite(MailboxStoreContract):
    """Mailboxes in a table on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> MailboxStore:
        """Return the store."""
        return MailboxTable(connection, prefix)
