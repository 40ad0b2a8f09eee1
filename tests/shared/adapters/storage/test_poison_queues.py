"""Poison queues on the storage account keep the promises of their port, and take what the host cannot read."""

from contextlib import suppress
from datetime import timedelta

import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.poison_queues import StoragePoisonQueue
from shared.adapters.storage.queues import Queue
from shared.domain.errors import NotRequeueable
from tests.contracts.poison import PoisonQueueContract


class TestOnAzurite(PoisonQueueContract):
    """Poison queues on Azurite."""

    @pytest.fixture
    def queue(self, connection: StorageConnection, prefix: str) -> StoragePoisonQueue:
        """Return the queues."""
        self._connection, self._prefix = connection, prefix
        return StoragePoisonQueue(connection, prefix)

    def give_up(self, queue: str, body: str) -> None:
        """Give up a message, as the host does."""
        Queue(self._connection, f"{self._prefix}{queue}-poison").put(body, timedelta())

    def put_back(self, queue: str) -> list[str]:
        """Return what was put back on a queue."""
        try:
            return [str(each.content) for each in self._connection.queue(f"{self._prefix}{queue}").receive_messages()]
        except ResourceNotFoundError:
            return []


def test_what_is_no_base64_is_taken_as_it_is(connection: StorageConnection, prefix: str) -> None:
    """A message that is poison because the host cannot decode it is kept all the same, and put back readable."""
    raw = connection.queue(f"{prefix}jobs-poison", encoded=False)
    with suppress(ResourceExistsError):
        raw.create_queue()
    for text in ('{"plain": "text"}', "/w=="):
        raw.send_message(text)
    queue = StoragePoisonQueue(connection, prefix)
    taken = queue.take()
    assert {each.body for each in taken} == {'{"plain": "text"}', "/w=="}
    for each in taken:
        queue.requeue(each.queue, each.body)
        queue.remove(each)
    back = {str(each.content) for each in connection.queue(f"{prefix}jobs").receive_messages()}
    assert back == {each.body for each in taken}
    assert raw.get_queue_properties().approximate_message_count == 0


def test_what_can_never_be_read_is_refused(connection: StorageConnection, prefix: str) -> None:
    """Text that was not base64 and is too long for it is not put back, and the refusal says what to do."""
    raw = connection.queue(f"{prefix}jobs-poison", encoded=False)
    with suppress(ResourceExistsError):
        raw.create_queue()
    raw.send_message("!" * 60_000)
    queue = StoragePoisonQueue(connection, prefix)
    (taken,) = queue.take()
    with pytest.raises(NotRequeueable, match="write in base64"):
        queue.requeue(taken.queue, taken.body)
    queue.requeue("jobs", "!" * 48 * 1024)
