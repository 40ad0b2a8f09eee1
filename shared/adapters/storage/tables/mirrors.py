"""
Mirrors in the table `mirrors`: a partition for each account, a row for each folder.

An ETag that leaves this module has the epoch of its writer before it, so that nobody of an earlier epoch overwrites
what he read from a later one. Epochs are text, because a whole number is 32 bits wide here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack_bytes, unpack_bytes
from shared.adapters.storage.tables.table import TRANSACTION_ROWS, Operation, Row, Table, replacing
from shared.domain.errors import Changed
from shared.domain.imap_ids import folder_id
from shared.domain.mirror_bytes import UnknownMirror, pack, unpack
from shared.domain.mirrors import Mirror
from shared.ports.sidecar import StoredMirror

_OF = "PartitionKey eq @account"
# A transaction holds 4 MiB, and bytes travel as base64.
# https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
_ROOM = 2_700_000
_KEYS = ("PartitionKey", "RowKey")


class MirrorTable:
    """Keeps mirrors."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}mirrors")

    def all(self, account: str) -> list[StoredMirror]:
        """Returns the mirrors of the account; one that cannot be read any more goes, and makes room for a new one."""
        mirrors = []
        for row in self._table.all(_OF, {"account": safe(account)}):
            try:
                mirrors.append(_stored(row))
            except UnknownMirror:
                self._let_go(row)
        return mirrors

    def put(self, account: str, mailbox: str, mirrors: Sequence[tuple[Mirror, str | None]], epoch: int) -> list[str]:
        """
        Overwrites mirrors that were read with their ETags, adds those whose ETag is None, and returns the new ones.

        All or none, where they are not megabytes. Raises Changed where one is another now, or was written under a
        later epoch.
        """
        etags: list[str] = []
        room, operations = _ROOM, list[Operation]()
        for mirror, etag in mirrors:
            data = b"".join(pack(mirror))
            if operations and (room < len(data) or len(operations) == TRANSACTION_ROWS):
                etags += self._table.transact(operations)
                room, operations = _ROOM, []
            room -= len(data)
            columns = {
                "PartitionKey": safe(account),
                "RowKey": folder_id(mirror.path),
                "mailbox": mailbox,
                "epoch": str(epoch),
                **pack_bytes("mirror", data),
            }
            operations.append(_operation(columns, etag, epoch))
        etags += self._table.transact(operations) if operations else []
        return [f"{epoch} {etag}" for etag in etags]

    def delete(self, account: str, path: str) -> None:
        """Removes the mirror of the folder at *path*; one that is gone is fine."""
        self._table.delete(safe(account), folder_id(path))

    def drop(self, account: str) -> None:
        """Removes every mirror of the account."""
        rows = [row.columns for row in self._table.all(_OF, {"account": safe(account)}, select=_KEYS)]
        for start in range(0, len(rows), TRANSACTION_ROWS):
            self._table.transact([("delete", row) for row in rows[start : start + TRANSACTION_ROWS]])

    def _let_go(self, row: Row) -> None:
        try:
            self._table.delete(row.columns["PartitionKey"], row.columns["RowKey"], row.etag)
        except Changed:
            # Somebody who can read it has the account now.
            return


def _operation(columns: Mapping[str, Any], etag: str | None, epoch: int) -> Operation:
    if etag is None:
        return "create", columns
    written, _, version = etag.partition(" ")
    if int(written) > epoch:
        raise Changed
    return "update", columns, replacing(version)


def _stored(row: Row) -> StoredMirror:
    mirror = unpack([unpack_bytes("mirror", row.columns)])
    return StoredMirror(mirror, row.columns["mailbox"], f"{row.columns['epoch']} {row.etag}")
