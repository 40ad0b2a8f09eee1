"""The queues `changes-poison`, `retries-poison` and `jobs-poison`, where the Functions host puts what it gives up."""

from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceNotFoundError

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.errors import translated
from shared.adapters.storage.queues import MESSAGE_BYTES, Queue
from shared.domain.errors import NotRequeueable
from shared.ports.queues import GivenUp

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

_QUEUES = ("changes", "retries", "jobs")
# https://learn.microsoft.com/rest/api/storageservices/get-messages
_MOST = 32
_LEASE = timedelta(minutes=5)
# Only a message that never was base64 can be so long, and none of ours is.
_TOO_LONG = (
    "No queue can carry this message: it was not in base64, as the Functions host demands, and its {size} bytes do not "
    "fit a message in base64, which holds {most}. Relay365 wrote no such message: find out what writes to this storage "
    "account's queues, and have it write in base64, less at a time."
)


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
        """Puts *body* on *queue*, to be taken at once; raises NotRequeueable where it is too long to be read there."""
        size = len(body.encode())
        if size > MESSAGE_BYTES:
            raise NotRequeueable(_TOO_LONG.format(size=size, most=MESSAGE_BYTES))
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
