"""
Mirrors in the table `mirrors`: a partition for each account, a row for each folder.

An ETag that leaves this module has the epoch of its writer before it, so that nobody of an earlier epoch overwrites
what he read from a later one. Epochs are text, because a whole number is 32 bits wide here.
"""

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack_bytes, unpack_bytes
from shared.adapters.storage.tables.table import TRANSACTION_ROWS, Row, Table
from shared.domain.errors import Changed
from shared.domain.imap_ids import folder_id
from shared.domain.mirror_bytes import UnknownMirror, pack, unpack
from shared.domain.mirrors import Mirror
from shared.ports.sidecar import StoredMirror

_OF = "PartitionKey eq @account"
_KEYS = ("PartitionKey", "RowKey")


class MirrorTable:
    """Keeps mirrors."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}mirrors")

    def all(self, account: str) -> list[StoredMirror]:
        """Returns the mirrors of the account; one that cannot be read any more is left out."""
        rows = self._table.all(_OF, {"account": safe(account)})
        return [stored for row in rows if (stored := _stored(row))]

    def put(self, account: str, mailbox: str, mirror: Mirror, etag: str | None, epoch: int) -> str:
        """
        Overwrites the mirror that was read with *etag*, or adds one where that is None, and returns its new ETag.

        Raises Changed where it is another one now, or was written under a later epoch.
        """
        columns = {
            "PartitionKey": safe(account),
            "RowKey": folder_id(mirror.path),
            "mailbox": mailbox,
            "epoch": str(epoch),
            **pack_bytes("mirror", b"".join(pack(mirror))),
        }
        if etag is None:
            return _marked(epoch, self._table.insert(columns))
        written, _, version = etag.partition(" ")
        if int(written) > epoch:
            raise Changed
        return _marked(epoch, self._table.replace(columns, version))

    def delete(self, account: str, path: str) -> None:
        """Removes the mirror of the folder at *path*; one that is gone is fine."""
        self._table.delete(safe(account), folder_id(path))

    def drop(self, account: str) -> None:
        """Removes every mirror of the account."""
        rows = [row.columns for row in self._table.all(_OF, {"account": safe(account)}, select=_KEYS)]
        for start in range(0, len(rows), TRANSACTION_ROWS):
            self._table.transact([("delete", row) for row in rows[start : start + TRANSACTION_ROWS]])


def _stored(row: Row) -> StoredMirror | None:
    try:
        mirror = unpack([unpack_bytes("mirror", row.columns)])
    except UnknownMirror:
        return None
    return StoredMirror(mirror, row.columns["mailbox"], _marked(row.columns["epoch"], row.etag))


def _marked(epoch: int | str, etag: str) -> str:
    return f"{epoch} {etag}"
