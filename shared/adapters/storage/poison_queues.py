"""The queues `changes-poison`, `retries-poison` and `jobs-poison`, where the Functions host puts what it gives up."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceNotFoundError

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.errors import translated
from shared.adapters.storage.queues import Queue
from shared.ports.queues import GivenUp

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

_QUEUES = ("changes", "retries", "jobs")
# https://learn.microsoft.com/rest/api/storageservices/get-messages
_MOST = 32
_LEASE = timedelta(minutes=5)


class StoragePoisonQueue:
    """Takes what was given up, and puts it back."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._connection = connection
        self._prefix = prefix

    def take(self) -> list[GivenUp]:
        """Returns up to 32 messages of each queue, hidden for 5 minutes; none where nothing was given up."""
        with translated():
            return [message for queue in _QUEUES for message in self._take(queue)]

    def remove(self, message: GivenUp) -> None:
        """Removes a message that was taken; one that is gone is fine."""
        with translated():
            try:
                self._client(message.queue).delete_message(message.id, message.receipt)
            except ResourceNotFoundError:
                return

    def requeue(self, queue: str, body: str) -> None:
        """Puts *body* on *queue*, to be taken at once."""
        Queue(self._connection, f"{self._prefix}{queue}").put(body, timedelta())

    def _take(self, queue: str) -> Iterator[GivenUp]:
        lease = int(_LEASE.total_seconds())
        found = self._client(queue).receive_messages(max_messages=_MOST, visibility_timeout=lease)
        try:
            messages: list[Any] = list(found)
        except ResourceNotFoundError:
            # The host makes the queue with the first message that it gives up.
            return
        for message in messages:
            yield GivenUp(
                queue=queue,
                id=message.id,
                receipt=message.pop_receipt,
                body=_readable(message.content),
                takes=message.dequeue_count,
                given_up=message.inserted_on,
            )

    def _client(self, queue: str) -> "QueueClient":
        return self._connection.queue(f"{self._prefix}{queue}-poison", encoded=False)


def _readable(text: str) -> str:
    """Returns what base64 stands for; text that is none is poison for that very reason, and stays as it is."""
    try:
        return b64decode(text, validate=True).decode()
    except ValueError:
        return text
