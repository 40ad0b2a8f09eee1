"""Cursors in the table `accounts`, in the partition of their account, so that they go with it."""

import json
import zlib
from collections.abc import Mapping

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack_bytes, unpack_bytes
from shared.adapters.storage.tables.table import Row, Table

ROW = "cursors"


class CursorTable:
    """Keeps how far an account's folders were followed."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}accounts")

    def get(self, key: str) -> dict[str, str]:
        """Returns the links of the account *key* by folder; none for what was never followed."""
        row = self._table.get(safe(key), ROW)
        return links_of(row) if row else {}

    def put(self, key: str, links: Mapping[str, str]) -> None:
        """Overwrites the links of the account *key*; they go with the account."""
        # A link may be several KiB long, and a text column ends at 64: bytes go over as many columns as it takes.
        packed = zlib.compress(json.dumps(dict(links)).encode())
        self._table.put({"PartitionKey": safe(key), "RowKey": ROW, **pack_bytes("links", packed)})


def links_of(row: Row) -> dict[str, str]:
    """Returns the links that stand in *row*, by folder."""
    links: dict[str, str] = json.loads(zlib.decompress(unpack_bytes("links", row.columns)))
    return links
