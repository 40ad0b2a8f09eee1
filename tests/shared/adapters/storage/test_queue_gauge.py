"""The queue service is asked how long queues are."""

from datetime import timedelta

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.queue_gauge import StorageQueueGauge
from shared.adapters.storage.queues import Queue
from tests.contracts.metrics import QueueGaugeContract


class TestOnAzurite(QueueGaugeContract):
    """Queues on Azurite."""

    @pytest.fixture
    def gauge(self, connection: StorageConnection, prefix: str) -> StorageQueueGauge:
        """Return the gauge."""
        self._connection, self._prefix = connection, prefix
        return StorageQueueGauge(connection, prefix)

    def fill(self, queue: str, delay: timedelta) -> None:
        """Put a message on a queue."""
        Queue(self._connection, f"{self._prefix}{queue}").put("text", delay)
