"""Whether the storage account answers."""

from contextlib import suppress

from azure.core.exceptions import ResourceNotFoundError

from shared.adapters.storage.connection import QUICK, StorageConnection
from shared.adapters.storage.errors import translated


class StorageDependency:
    """Asks a table and a queue; one that is not made yet answers as well as any."""

    def __init__(self, connection: StorageConnection, name: str = "storage", prefix: str = "") -> None:
        self.name = name
        self._connection = connection
        self._prefix = prefix

    def check(self) -> None:
        """Returns in well under a second where both services answer; raises TryLater where one does not."""
        with translated():
            table = self._connection.tables().get_table_client(f"{self._prefix}settings")
            with suppress(ResourceNotFoundError):
                table.get_entity("settings", "instance", select="PartitionKey", **QUICK)
            with suppress(ResourceNotFoundError):
                self._connection.queue(f"{self._prefix}changes").get_queue_properties(**QUICK)
