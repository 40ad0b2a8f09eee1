"""The storage account that the settings name."""

from shared.adapters.storage.connection import StorageConnection
from shared.settings import Settings


def storage_of(settings: Settings) -> StorageConnection:
    """Returns the way to tables and queues; nothing is opened before it is used."""
    return StorageConnection(
        connection_string=settings.storage.get_secret_value() if settings.storage else None,
        account_name=settings.storage_account,
        queue_service_uri=settings.storage_queue_uri,
        table_service_uri=settings.storage_table_uri,
        client_id=settings.storage_client_id,
    )
