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
from shared.adapters.storage.tables.table import TRANSACTION_ROWS, Operation, Row, Table, replacing, unchanged
from shared.domain.errors import Changed
from shared.domain.imap_ids import folder_id
from shared.domain.mirror_bytes import UnknownMirror, pack, unpack
from shared.domain.mirrors import Mirror
from shared.ports.sidecar import FIRST_TURN, StoredMirror, Turn

_OF = "PartitionKey eq @account"
# A transaction holds 4 MiB, and bytes travel as base64.
# https://learn.microsoft.com/rest/api/storageservices/performing-entity-group-transactions
_ROOM = 2_700_000
_KEYS = ("PartitionKey", "RowKey")
_UNTOLD = "untold"


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

    def put(
        self,
        account: str,
        mailbox: str,
        mirrors: Sequence[tuple[Mirror, str | None]],
        epoch: int,
        turn: Turn = FIRST_TURN,
    ) -> list[str]:
        """
        Overwrites mirrors that were read with their ETags, adds those whose ETag is None, and returns the new ones.

        The first one carries what *turn* leaves untold; mirrors of folders that are gone go. All or none, where they
        are not megabytes, and what is untold never last. Raises Changed where one is another now, or was written under
        a later epoch.
        """
        etags: list[str] = []
        room, operations = _ROOM, list[Operation]()
        untold = turn.untold
        for mirror, etag in mirrors:
            data = b"".join(pack(mirror))
            size = len(data) + len(untold)
            if operations and (room < size or len(operations) == TRANSACTION_ROWS):
                etags += self._table.transact(operations)
                room, operations = _ROOM, []
            room -= size
            columns = {
                **_keys(account, mirror.path),
                "mailbox": mailbox,
                "epoch": str(epoch),
                "turn": str(turn.number),
                **({_UNTOLD: untold} if untold else {}),
                **pack_bytes("mirror", data),
            }
            untold = b""
            operations.append(_operation(columns, etag, epoch))
        for path, etag in turn.gone:
            if len(operations) == TRANSACTION_ROWS:
                etags += self._table.transact(operations)
                operations = []
            operations.append(("delete", _keys(account, path), unchanged(_version(etag, epoch))))
        etags += self._table.transact(operations) if operations else []
        return [f"{epoch} {etag}" for etag in etags[: len(mirrors)]]

    def settle(self, account: str, path: str, etag: str, epoch: int) -> str:
        """
        Notes that what the mirror at *path* carries is told, and returns its new ETag.

        Raises Changed where it is another now, or was written under a later epoch.
        """
        columns = {**_keys(account, path), "epoch": str(epoch), _UNTOLD: b""}
        return f"{epoch} {self._table.replace(columns, _version(etag, epoch), merge=True)}"

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
    return ("create", columns) if etag is None else ("update", columns, replacing(_version(etag, epoch)))


def _version(etag: str, epoch: int) -> str:
    written, _, version = etag.partition(" ")
    if int(written) > epoch:
        raise Changed
    return version


def _stored(row: Row) -> StoredMirror:
    mirror = unpack([unpack_bytes("mirror", row.columns)])
    return StoredMirror(
        mirror,
        row.columns["mailbox"],
        f"{row.columns['epoch']} {row.etag}",
        # A version before this one counted no turns.
        int(row.columns.get("turn", 0)),
        row.columns.get(_UNTOLD, b""),
    )


def _keys(account: str, path: str) -> dict[str, str]:
    return {"PartitionKey": safe(account), "RowKey": folder_id(path)}
