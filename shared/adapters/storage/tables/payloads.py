"""
Payloads: a delivery's bytes, in its own row up to 512 KiB, beyond that in rows of a table beside its own.

The rows of a big payload are named by a hash of it, so two writers of one delivery never mix their bytes. They say
whose they are and when that was learned, so that an erasure finds those too whose delivery never got its row.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.months import MonthlyTables
from shared.adapters.storage.tables.records import BYTES_CHUNK, pack_bytes, unpack_bytes

# A row holds 1 MiB and a transaction 4 MiB, so deliveries with payloads in their rows still travel together.
_IN_THE_ROW = 512 * 1024
# The emulator counts a row of bytes as base64, and so 11 columns are as many as fit both.
_A_ROW = 11 * BYTES_CHUNK
_NAME = "p"


class PayloadTable:
    """Keeps the bytes of deliveries."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._tables = MonthlyTables(connection, f"{prefix}payloads")

    def store(
        self, month: str, partition: str, row: str, payload: bytes, about: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """
        Returns the columns of the delivery's row that hold *payload*, or lead to it, having stored it then.

        What it is *about* stands beside each part.
        """
        if len(payload) <= _IN_THE_ROW:
            return dict(pack_bytes(_NAME, payload))
        digest = hashlib.sha256(payload).hexdigest()[:16]
        starts = range(0, len(payload), _A_ROW)
        for number, start in enumerate(starts):
            chunk = pack_bytes(_NAME, payload[start : start + _A_ROW])
            place = {"PartitionKey": partition, "RowKey": _row(row, digest, number)}
            self._tables.of(month).put({**place, **(about or {}), **chunk})
        return {"payload_digest": digest, "payload_rows": len(starts)}

    def load(self, month: str, partition: str, row: str, columns: Mapping[str, Any]) -> bytes | None:
        """Returns the payload of the delivery with *columns*, or None where a part of it is gone."""
        digest = columns.get("payload_digest")
        if digest is None:
            return unpack_bytes(_NAME, columns)
        parts: list[bytes] = []
        for number in range(columns["payload_rows"]):
            found = self._tables.of(month).get(partition, _row(row, digest, number))
            if found is None:
                return None
            parts.append(unpack_bytes(_NAME, found.columns))
        return b"".join(parts)


def _row(row: str, digest: str, number: int) -> str:
    return f"{row}-{digest}-{number:03}"
