"""Counts in a table keep the promises of their ports."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.metrics import MetricsTable
from tests.contracts.metrics import TallyStoreContract, a_tally
from tests.fakes.storage_wire import WiredConnection


class TestOnAzurite(TallyStoreContract):
    """Tallies in a table on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> MetricsTable:
        """Return the table."""
        return MetricsTable(connection, prefix)

    @pytest.fixture
    def ledger(self, store: MetricsTable) -> MetricsTable:
        """Return the table as who folds sees it."""
        return store


def test_each_step_is_a_request(wired: WiredConnection, prefix: str) -> None:
    """Writing a tally, reading all of them, and folding them cost a request each."""
    table = MetricsTable(wired, prefix)
    etag = table.write(a_tally("a"), None)
    wired.wire.calls.clear()
    table.write(a_tally("a", events=1), etag)
    table.fold(a_tally(""), None, table.read().tallies)
    assert len(wired.wire.calls) == 3
