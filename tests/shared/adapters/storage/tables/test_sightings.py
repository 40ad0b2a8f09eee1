"""Sightings in a table keep the promises of their port."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.sightings import SightingTable
from shared.domain.sightings import Sighting, SightingKey
from shared.ports.state import SightingStore
from tests.contracts.records import SightingStoreContract
from tests.fakes.storage_wire import WiredConnection


class TestOnAzurite(SightingStoreContract):
    """Sightings in a table on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> SightingStore:
        """Return the store."""
        return SightingTable(connection, prefix)


def test_sightings_of_a_day_travel_together(wired: WiredConnection, prefix: str) -> None:
    """A hundred sightings of one day cost one request."""
    store = SightingTable(wired, prefix)
    seen = Sighting(folder="inbox", flags=("\\Seen",), labels=())
    store.put({SightingKey(day="20260302", name="first"): seen})
    wired.wire.calls.clear()
    store.put({SightingKey(day="20260302", name=f"name-{number}"): seen for number in range(100)})
    assert wired.wire.calls == ["POST $batch"]
