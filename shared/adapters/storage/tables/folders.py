"""Folder trees in the table `accounts`, in the partition of their account, so that they go with it."""

import zlib

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack_bytes, read, text_of, unpack_bytes
from shared.adapters.storage.tables.table import Row, Table
from shared.domain.folders import FolderTree

ROW = "folders"


class FolderTable:
    """Keeps each account's folder tree."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}accounts")

    def get(self, key: str) -> FolderTree | None:
        """Returns the tree of the account *key*, where one was read before."""
        row = self._table.get(safe(key), ROW)
        return tree_of(row) if row else None

    def put(self, key: str, tree: FolderTree) -> None:
        """Overwrites the tree of the account *key*."""
        # Folder ids are long and alike: compressed, ten thousand of them fit a row (1 MiB) easily.
        packed = zlib.compress(text_of(tree).encode())
        self._table.put({"PartitionKey": safe(key), "RowKey": ROW, **pack_bytes("tree", packed)})


def tree_of(row: Row) -> FolderTree:
    """Returns the tree that stands in *row*."""
    return read(FolderTree, zlib.decompress(unpack_bytes("tree", row.columns)))
