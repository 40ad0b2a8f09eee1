"""Retention in memory."""

from datetime import datetime

from tests.fakes.poison import FakePoisonStore
from tests.fakes.stores import FakeDeliveryStore, FakeSightingStore


class FakeRetention:
    """Empties the stores, month by month."""

    def __init__(
        self, deliveries: FakeDeliveryStore, sightings: FakeSightingStore, poison: FakePoisonStore | None = None
    ) -> None:
        self._deliveries = deliveries
        self._poison = poison or FakePoisonStore()
        self._sightings = sightings

    def purge(self, before: datetime) -> int:
        """Forget what lies in months before *before*."""
        first_kept = before.strftime("%Y%m")
        stores = (self._deliveries, self._sightings, self._poison)
        return sum(store.forget(first_kept) for store in stores)
