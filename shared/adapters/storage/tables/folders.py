"""Folder trees in the table `accounts`, in the partition of their account, so that they go with it."""

import zlib

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack_bytes, read, text_of, unpack_bytes
from shared.adapters.storage.tables.table import Table
from shared.domain.folders import FolderTree

_ROW = "folders"


class FolderTable:
    """Keeps each account's folder tree."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}accounts")

    def get(self, key: str) -> FolderTree | None:
        """Returns the tree of the account *key*, where one was read before."""
        row = self._table.get(safe(key), _ROW)
        return read(FolderTree, zlib.decompress(unpack_bytes("tree", row.columns))) if row else None

    def put(self, key: str, tree: FolderTree) -> None:
        """Overwrites the tree of the account *key*."""
        # Folder ids are long and alike: compressed, ten thousand of them fit a row (1 MiB) easily.
        packed = zlib.compress(text_of(tree).encode())
        self._table.put({"PartitionKey": safe(key), "RowKey": _ROW, **pack_bytes("tree", packed)})
