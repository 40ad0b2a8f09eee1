"""Webhooks in the table `webhooks`, a partition each."""

from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Table
from shared.domain.webhooks import Webhook
from shared.ports.records import Stored

_ROW = "webhook"


class WebhookTable:
    """Keeps webhooks by id."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}webhooks")

    def get(self, webhook: str) -> Stored[Webhook] | None:
        """Returns the webhook as it is now."""
        row = self._table.get(safe(webhook), _ROW)
        return Stored(unpack(Webhook, row.columns), row.etag) if row else None

    def insert(self, webhook: Webhook) -> None:
        """Adds a webhook; raises Changed where its id is taken."""
        self._table.insert(_columns(webhook))

    def replace(self, webhook: Webhook, etag: str) -> None:
        """Overwrites the webhook that was read with *etag*; raises Changed where it is another one now, or gone."""
        self._table.replace(_columns(webhook), etag)

    def delete(self, webhook: str) -> None:
        """Removes the webhook; a second time does nothing."""
        self._table.delete(safe(webhook), _ROW)


def _columns(webhook: Webhook) -> dict[str, Any]:
    return {"PartitionKey": safe(webhook.id), "RowKey": _ROW, **pack(webhook)}
