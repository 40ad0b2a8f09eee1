"""The queues in memory keep the promises of the real ones."""

from datetime import timedelta

import pytest

from shared.domain.changes import ChangeBatch
from shared.domain.deliveries import Retry
from shared.domain.jobs import Job, JobKind
from tests.contracts.queues import ChangeQueueContract, JobQueueContract, RetryQueueContract
from tests.fakes.clock import FakeClock
from tests.fakes.queues import LEASE, FakeChangeQueue, FakeJobQueue, FakeRetryQueue


class TestChanges(ChangeQueueContract):
    """Changes in memory."""

    @pytest.fixture
    def queue(self) -> FakeChangeQueue:
        """Return the queue."""
        self._queue = FakeChangeQueue(FakeClock())
        return self._queue

    def visible(self) -> list[ChangeBatch]:
        """Return what can be taken now."""
        return [message.body for message in self._queue.take()]


class TestRetries(RetryQueueContract):
    """Retries in memory."""

    @pytest.fixture
    def queue(self) -> FakeRetryQueue:
        """Return the queue."""
        self._queue = FakeRetryQueue(FakeClock())
        return self._queue

    def visible(self) -> list[Retry]:
        """Return what can be taken now."""
        return [message.body for message in self._queue.take()]


class TestJobs(JobQueueContract):
    """Jobs in memory."""

    @pytest.fixture
    def queue(self) -> FakeJobQueue:
        """Return the queue."""
        self._queue = FakeJobQueue(FakeClock())
        return self._queue

    def visible(self) -> list[Job]:
        """Return what can be taken now."""
        return [message.body for message in self._queue.take()]


def test_a_message_comes_again_until_it_is_done() -> None:
    """A message that its consumer dropped comes again after the lease, counted; one that is done does not."""
    clock = FakeClock()
    queue = FakeJobQueue(clock)
    queue.put(Job(kind=JobKind.PURGE, account="abc", incarnation="1"))
    assert [message.dequeue_count for message in queue.take()] == [1]
    assert queue.take() == []
    clock.advance(LEASE)
    again = queue.take()
    assert [message.dequeue_count for message in again] == [2]
    queue.return_(again[0], timedelta(seconds=5))
    assert queue.take(clock.now() + timedelta(seconds=5))[0].dequeue_count == 3
    queue.done(again[0])
    assert queue.waiting() == []
