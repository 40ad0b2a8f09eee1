"""Retention in memory."""

from datetime import datetime

from tests.fakes.stores import FakeDeliveryStore, FakeSightingStore


class FakeRetention:
    """Empties the stores, month by month."""

    def __init__(self, deliveries: FakeDeliveryStore, sightings: FakeSightingStore) -> None:
        self._deliveries = deliveries
        self._sightings = sightings

    def purge(self, before: datetime) -> int:
        """Forget what lies in months before *before*."""
        first_kept = before.strftime("%Y%m")
        return self._deliveries.forget(first_kept) + self._sightings.forget(first_kept)
