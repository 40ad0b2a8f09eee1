"""Traces of an account are found in the tables of every month, and cost what is said."""

from datetime import timedelta

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.deliveries import DeliveryTable
from shared.adapters.storage.tables.payloads import PayloadTable
from shared.adapters.storage.tables.sightings import SightingTable
from shared.adapters.storage.tables.traces import TraceTables
from shared.domain.erasures import TraceKind
from shared.ports.deliveries import DeliveryStore
from shared.ports.state import SightingStore, TraceStore
from tests.contracts.examples import delivery, key
from tests.contracts.traces import TraceStoreContract, walk
from tests.fakes.clock import START, FakeClock
from tests.fakes.storage_wire import WiredConnection


class TestOnAzurite(TraceStoreContract):
    """Traces on Azurite."""

    @pytest.fixture
    def deliveries(self, connection: StorageConnection, prefix: str) -> DeliveryStore:
        """Return the deliveries."""
        return DeliveryTable(connection, FakeClock(), prefix)

    @pytest.fixture
    def sightings(self, connection: StorageConnection, prefix: str) -> SightingStore:
        """Return the sightings."""
        return SightingTable(connection, prefix)

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> TraceStore:
        """Return what looks into them."""
        return TraceTables(connection, prefix)


def test_a_page_costs_a_look_and_a_transaction_for_a_hundred(wired: WiredConnection, prefix: str) -> None:
    """Finding costs a look at the months and a request for each page; removing, one for a hundred of a partition."""
    store = DeliveryTable(wired, FakeClock(), prefix)
    store.add([(delivery(key(number)), b"x" * 1000) for number in range(250)])
    wired.wire.calls.clear()
    traces = TraceTables(wired, prefix)
    found = traces.page(TraceKind.DELIVERIES, "anna", None, 500)
    traces.remove(TraceKind.DELIVERIES, found.items)
    assert wired.wire.calls == ["GET Tables", f"GET {prefix}deliveries202603()", *["POST $batch"] * 3]


def test_a_payload_whose_delivery_never_came_is_found(connection: StorageConnection, prefix: str) -> None:
    """The parts of a big payload say whose they are, so they go where a process died before their delivery's row."""
    store = DeliveryTable(connection, FakeClock(), prefix)
    old = key(ago=timedelta(days=40))
    store.add([(delivery(old), b"m" * 1_500_000)])
    traces = TraceTables(connection, prefix)
    traces.remove(TraceKind.DELIVERIES, walk(traces, TraceKind.DELIVERIES))
    parts = walk(traces, TraceKind.PAYLOADS)
    assert [(part.learned, part.place[0]) for part in parts] == [(START, "202601")] * 3
    traces.remove(TraceKind.PAYLOADS, parts)
    assert list(connection.tables().get_table_client(f"{prefix}payloads202601").list_entities()) == []


def test_a_payload_of_no_account_is_nobody_s(connection: StorageConnection, prefix: str) -> None:
    """What an earlier version wrote, or concerns no account, is found for none."""
    PayloadTable(connection, prefix).store("202603", "79739697|default", "row", b"m" * 600_000)
    assert walk(TraceTables(connection, prefix), TraceKind.PAYLOADS) == []
