"""Grants in the table `grants`: a partition for each."""

from collections.abc import Iterator
from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Table
from shared.domain.errors import Changed
from shared.domain.grants import Grant
from shared.ports.records import Stored

_ROW = "grant"


class GrantTable:
    """Keeps grants by id."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}grants")

    def get(self, grant: str) -> Stored[Grant] | None:
        """Returns the grant as it is now."""
        row = self._table.get(safe(grant), _ROW)
        return Stored(unpack(Grant, row.columns), row.etag) if row else None

    def insert(self, grant: Grant) -> Stored[Grant]:
        """Adds a grant; raises Changed where its id is taken."""
        return Stored(grant, self._table.insert(_columns(grant)))

    def replace(self, grant: Grant, etag: str) -> Stored[Grant]:
        """Overwrites the grant that was read with *etag*; raises Changed where it is another one now, or gone."""
        return Stored(grant, self._table.replace(_columns(grant), etag))

    def delete(self, grant: str, etag: str) -> None:
        """Removes the grant that was read with *etag*; raises Changed where it is another now; a gone one is fine."""
        try:
            self._table.delete(safe(grant), _ROW, etag)
        except Changed:
            if self.get(grant) is not None:
                raise

    def all(self) -> Iterator[Grant]:
        """Returns every grant; it costs O(grants)."""
        return (unpack(Grant, row.columns) for row in self._table.all("RowKey eq @row", {"row": _ROW}))


def _columns(grant: Grant) -> dict[str, Any]:
    return {"PartitionKey": safe(grant.id), "RowKey": _ROW, **pack(grant)}
