"""Retention in memory keeps the promises of the real one."""

import pytest

from shared.ports.state import PoisonStore, Retention
from tests.contracts.retention import RetentionContract
from tests.fakes.clock import FakeClock
from tests.fakes.poison import FakePoisonStore
from tests.fakes.retention import FakeRetention
from tests.fakes.stores import FakeDeliveryStore, FakeSightingStore


class TestRetention(RetentionContract):
    """Retention in memory."""

    @pytest.fixture
    def deliveries(self) -> FakeDeliveryStore:
        """Return the deliveries, whose payloads have not expired yet."""
        return FakeDeliveryStore(FakeClock())

    @pytest.fixture
    def sightings(self) -> FakeSightingStore:
        """Return the sightings."""
        return FakeSightingStore()

    @pytest.fixture
    def poison(self) -> PoisonStore:
        """Return the poison."""
        return FakePoisonStore()

    @pytest.fixture
    def retention(
        self, deliveries: FakeDeliveryStore, sightings: FakeSightingStore, poison: FakePoisonStore
    ) -> Retention:
        """Return what empties them."""
        return FakeRetention(deliveries, sightings, poison)
