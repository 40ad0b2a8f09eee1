"""Poison in memory keeps the promises of the real one."""

import pytest

from tests.contracts.poison import PoisonQueueContract, PoisonStoreContract
from tests.fakes.clock import FakeClock
from tests.fakes.poison import FakePoisonQueue, FakePoisonStore


class TestQueue(PoisonQueueContract):
    """Poison queues in memory."""

    @pytest.fixture
    def queue(self) -> FakePoisonQueue:
        """Return the queues."""
        self._queue = FakePoisonQueue(FakeClock())
        return self._queue

    def give_up(self, queue: str, body: str) -> None:
        """Give up a message, as the host does."""
        self._queue.give_up(queue, body)

    def put_back(self, queue: str) -> list[str]:
        """Return what was put back on a queue."""
        return [body for name, body in self._queue.requeued if name == queue]


class TestStore(PoisonStoreContract):
    """Rows in memory."""

    @pytest.fixture
    def store(self) -> FakePoisonStore:
        """Return the store."""
        return FakePoisonStore()
