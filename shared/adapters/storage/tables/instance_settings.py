"""The instance's settings: the one row of the table `settings`."""

from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Table
from shared.domain.instance_settings import InstanceSettings
from shared.ports.records import Stored

_PARTITION = "settings"
_ROW = "instance"


class InstanceSettingsTable:
    """Keeps the one record of the instance's settings."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}settings")

    def get(self) -> Stored[InstanceSettings] | None:
        """Returns the settings, or None before anybody wrote them."""
        row = self._table.get(_PARTITION, _ROW)
        return Stored(unpack(InstanceSettings, row.columns), row.etag) if row else None

    def insert(self, settings: InstanceSettings) -> None:
        """Writes them for the first time; raises Changed where somebody was faster."""
        self._table.insert(_columns(settings))

    def replace(self, settings: InstanceSettings, etag: str) -> None:
        """Overwrites the settings that were read with *etag*; raises Changed where they are others now."""
        self._table.replace(_columns(settings), etag)


def _columns(settings: InstanceSettings) -> dict[str, Any]:
    return {"PartitionKey": _PARTITION, "RowKey": _ROW, **pack(settings)}
