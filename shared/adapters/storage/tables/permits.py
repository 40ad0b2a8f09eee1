"""
Permits in the table `permits`: a partition a mailbox, a row a place, which stay for the next crowd.

They outlive accounts, so whose mailbox it is they do not say: their partition is a hash of it.
"""

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import hashed
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Table
from shared.domain.permits import Permit
from shared.ports.records import Stored


class PermitTable:
    """Keeps who may read a crowded mailbox."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}permits")

    def of(self, mailbox: str) -> list[Stored[Permit]]:
        """Returns the permits of a mailbox, in the order of their places, those that are over too."""
        rows = self._table.all("PartitionKey eq @mailbox", {"mailbox": hashed(mailbox)})
        return [Stored(unpack(Permit, row.columns).model_copy(update={"mailbox": mailbox}), row.etag) for row in rows]

    def insert(self, permit: Permit) -> Stored[Permit]:
        """Adds a permit; raises Changed where its place was ever taken."""
        return Stored(permit, self._table.insert(_columns(permit)))

    def replace(self, permit: Permit, etag: str) -> Stored[Permit]:
        """Overwrites the permit that was read with *etag*; raises Changed where it is another one now."""
        return Stored(permit, self._table.replace(_columns(permit), etag))


def _columns(permit: Permit) -> dict[str, object]:
    return {"PartitionKey": hashed(permit.mailbox), "RowKey": str(permit.place), **pack(_nameless(permit))}


def _nameless(permit: Permit) -> Permit:
    return permit.model_copy(update={"mailbox": ""})
