"""Traces in memory keep the promises of the real ones."""

import pytest

from shared.ports.state import TraceStore
from tests.contracts.traces import TraceStoreContract
from tests.fakes.clock import FakeClock
from tests.fakes.stores import FakeDeliveryStore, FakeSightingStore
from tests.fakes.traces import FakeTraceStore


class TestTraces(TraceStoreContract):
    """Traces in memory."""

    @pytest.fixture
    def deliveries(self) -> FakeDeliveryStore:
        """Return the deliveries."""
        return FakeDeliveryStore(FakeClock())

    @pytest.fixture
    def sightings(self) -> FakeSightingStore:
        """Return the sightings."""
        return FakeSightingStore()

    @pytest.fixture
    def store(self, deliveries: FakeDeliveryStore, sightings: FakeSightingStore) -> TraceStore:
        """Return what looks into them."""
        return FakeTraceStore(deliveries, sightings)
