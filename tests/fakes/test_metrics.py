"""Counts in memory keep the promises of the real ones."""

from datetime import timedelta

import pytest

from tests.contracts.metrics import QueueGaugeContract, TallyStoreContract
from tests.fakes.clock import START
from tests.fakes.metrics import FakeMetricsStore, FakeQueueGauge


class TestStore(TallyStoreContract):
    """Tallies in memory."""

    @pytest.fixture
    def store(self) -> FakeMetricsStore:
        """Return the store."""
        return FakeMetricsStore()

    @pytest.fixture
    def ledger(self, store: FakeMetricsStore) -> FakeMetricsStore:
        """Return the store as who folds sees it."""
        return store


class TestGauge(QueueGaugeContract):
    """Queues in memory."""

    @pytest.fixture
    def gauge(self) -> FakeQueueGauge:
        """Return the gauge."""
        self._gauge = FakeQueueGauge()
        return self._gauge

    def fill(self, queue: str, delay: timedelta) -> None:
        """Put a message on a queue."""
        self._gauge.on[queue] += 1
        if queue in {"changes", "retries"} and not delay:
            self._gauge.next = START
