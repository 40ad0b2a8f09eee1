"""What is used of quotas in the table `quotas`: a row for each quota, overwritten window after window."""

from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import hashed
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Table
from shared.domain.quotas import QuotaUse
from shared.ports.records import Stored

_ROW = "use"


class QuotaTable:
    """Keeps what is used of quotas."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}quotas")

    def get(self, scope: str) -> Stored[QuotaUse] | None:
        """Returns what is used of the quota *scope*."""
        row = self._table.get(hashed(scope), _ROW)
        return Stored(unpack(QuotaUse, row.columns), row.etag) if row else None

    def insert(self, scope: str, use: QuotaUse) -> None:
        """Writes it for the first time; raises Changed where somebody was faster."""
        self._table.insert(_columns(scope, use))

    def replace(self, scope: str, use: QuotaUse, etag: str) -> None:
        """Overwrites the use that was read with *etag*; raises Changed where it is another one now."""
        self._table.replace(_columns(scope, use), etag)


def _columns(scope: str, use: QuotaUse) -> dict[str, Any]:
    return {"PartitionKey": hashed(scope), "RowKey": _ROW, **pack(use)}
