"""Counts of requests in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import QUICK, StorageConnection
from shared.adapters.storage.tables.rate_limits import RateLimitTable
from shared.domain.errors import TryLater
from shared.domain.rate_limits import RequestCount
from shared.ports.state import RateLimitStore
from tests.contracts.records import RateLimitStoreContract
from tests.fakes.storage_wire import WiredConnection


class TestOnAzurite(RateLimitStoreContract):
    """Counts of requests in a table on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str, unhurried: None) -> RateLimitStore:
        """Return the store."""
        return RateLimitTable(connection, prefix)


def test_a_silent_storage_is_not_waited_for(azurite: str) -> None:
    """A store that cannot be reached says so at once, where others would try again."""
    closed = WiredConnection(connection_string=azurite.replace("http://127.0.0.1:", "http://127.0.0.2:"))
    store = RateLimitTable(closed)
    for call in (lambda: store.get("t"), lambda: store.insert("t", RequestCount()), lambda: store.delete("t")):
        with pytest.raises(TryLater):
            call()
    assert len(closed.wire.calls) == 3
    assert QUICK["connection_timeout"] + QUICK["read_timeout"] <= 4
