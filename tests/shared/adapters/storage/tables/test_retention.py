"""Retention drops tables, and costs a request for each."""

from datetime import UTC, datetime

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.deliveries import DeliveryTable
from shared.adapters.storage.tables.poison import PoisonTable
from shared.adapters.storage.tables.retention import TableRetention
from shared.adapters.storage.tables.sightings import SightingTable
from shared.ports.deliveries import DeliveryStore
from shared.ports.state import PoisonStore, Retention, SightingStore
from tests.contracts.examples import delivery
from tests.contracts.retention import FIRST_OF_FEBRUARY, LAST_OF_JANUARY, RetentionContract, place
from tests.fakes.clock import FakeClock
from tests.fakes.storage_wire import WiredConnection


class TestOnAzurite(RetentionContract):
    """Retention on Azurite."""

    @pytest.fixture
    def deliveries(self, connection: StorageConnection, prefix: str) -> DeliveryStore:
        """Return the deliveries, whose payloads have not expired yet."""
        return DeliveryTable(connection, FakeClock(), prefix)

    @pytest.fixture
    def sightings(self, connection: StorageConnection, prefix: str) -> SightingStore:
        """Return the sightings."""
        return SightingTable(connection, prefix)

    @pytest.fixture
    def poison(self, connection: StorageConnection, prefix: str) -> PoisonStore:
        """Return the poison."""
        return PoisonTable(connection, prefix)

    @pytest.fixture
    def retention(self, connection: StorageConnection, prefix: str) -> Retention:
        """Return what empties them."""
        return TableRetention(connection, prefix)


def test_a_month_costs_one_request(wired: WiredConnection, prefix: str) -> None:
    """A purge asks for each kind which months there are, and drops a table with one request, whatever is in it."""
    store = DeliveryTable(wired, FakeClock(), prefix)
    rows = [delivery(place(LAST_OF_JANUARY).model_copy(update={"event_id": str(number)})) for number in range(150)]
    store.add([(row, b"{}") for row in rows])
    store.add([(delivery(place(datetime(2026, 1, 5, tzinfo=UTC))), b"x" * 600_000)])
    wired.wire.calls.clear()
    assert TableRetention(wired, prefix).purge(FIRST_OF_FEBRUARY) == 2
    asked = "GET Tables"
    drops = [f"DELETE Tables('{prefix}{kind}202601')" for kind in ("deliveries", "payloads")]
    assert wired.wire.calls == [asked, drops[0], asked, drops[1], asked, asked]


def test_a_month_that_was_dropped_can_begin_anew(connection: StorageConnection, prefix: str) -> None:
    """A store that wrote to a month before it was dropped makes its table again."""
    store = DeliveryTable(connection, FakeClock(), prefix)
    of_january = delivery(place(LAST_OF_JANUARY))
    store.add([(of_january, b"first")])
    TableRetention(connection, prefix).purge(FIRST_OF_FEBRUARY)
    assert store.get(of_january.key) is None
    store.add([(of_january, b"second")])
    assert store.payload(of_january.key) == b"second"
