"""How long the queues are, and since when their next message waits."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import ResourceNotFoundError

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.errors import translated

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

_QUEUES = ("changes", "retries", "jobs")


class StorageQueueGauge:
    """Asks the queue service; a queue that nobody has made is empty."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._connection = connection
        self._prefix = prefix

    def depths(self) -> Mapping[str, int]:
        """Returns about how many messages are on each queue, hidden ones too, and those of poison."""
        names = [name for queue in _QUEUES for name in (queue, f"{queue}-poison")]
        # https://learn.microsoft.com/rest/api/storageservices/get-queue-metadata
        counts = {name: self._ask(name, lambda queue: queue.get_queue_properties()) for name in names}
        return {name: int(found.approximate_message_count or 0) if found else 0 for name, found in counts.items()}

    def front(self) -> datetime | None:
        """Returns when the message was queued that is next in `changes` or `retries`; None where none is ready."""
        return min(self._fronts(), default=None)

    def _fronts(self) -> Iterator[datetime]:
        for queue in ("changes", "retries"):
            # https://learn.microsoft.com/rest/api/storageservices/peek-messages
            for message in self._ask(queue, lambda client: client.peek_messages(1)) or ():
                yield message.inserted_on

    def _ask(self, queue: str, question: "Callable[[QueueClient], Any]") -> Any:
        with translated(), suppress(ResourceNotFoundError):
            return question(self._connection.queue(f"{self._prefix}{queue}", encoded=False))
        return None
