"""Poison in a table keeps the promises of its port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.poison import PoisonTable
from shared.ports.state import PoisonStore
from tests.contracts.poison import PoisonStoreContract, poisoned
from tests.fakes.storage_wire import WiredConnection


class TestOnAzurite(PoisonStoreContract):
    """Poison in a table on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> PoisonStore:
        """Return the store."""
        return PoisonTable(connection, prefix)


def test_each_step_is_a_request(wired: WiredConnection, prefix: str) -> None:
    """Keeping a message and keeping it again cost a request each; a page one more, for the months there are."""
    store = PoisonTable(wired, prefix)
    store.keep(poisoned(1))
    wired.wire.calls.clear()
    store.keep(poisoned(2))
    store.keep(poisoned(2))
    assert len(store.page(None, 5).items) == 2
    assert len(wired.wire.calls) == 4
