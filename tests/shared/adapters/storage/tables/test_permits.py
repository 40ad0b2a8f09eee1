"""Permits in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.permits import PermitTable
from shared.domain.permits import Permit
from shared.ports.state import PermitStore
from tests.contracts.records import PermitStoreContract
from tests.fakes.clock import START


class TestOnAzurite(PermitStoreContract):
    """Permits on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> PermitStore:
        """Return the store."""
        return PermitTable(connection, prefix)


def test_a_row_does_not_say_whose_mailbox_it_is(connection: StorageConnection, prefix: str) -> None:
    """A permit outlives the account, so its row names neither mailbox nor user."""
    PermitTable(connection, prefix).insert(Permit(mailbox="tenant/app/anna@x.de", place=0, holder="p", until=START))
    (row,) = connection.tables().get_table_client(f"{prefix}permits").list_entities()
    assert "anna" not in str(dict(row))
