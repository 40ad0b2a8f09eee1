"""
Messages that were given up in a table for each month: one partition, the newest first, a row for each message.

The month and the key follow from the id.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.months import MonthlyTables
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Table
from shared.domain.errors import Changed
from shared.domain.poison import Poisoned
from shared.ports.records import Page, Stored

_PARTITION = "poison"
_LAST_MOMENT = 9_999_999_999_999
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"([0-9]{1,13})_(.+)", re.DOTALL)


class PoisonTable:
    """Keeps messages that were given up."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._tables = MonthlyTables(connection, f"{prefix}poison")

    def keep(self, poisoned: Poisoned) -> None:
        """Adds a message; the same a second time changes nothing."""
        table, row = self._place(poisoned)
        try:
            table.insert(_columns(row, poisoned))
        except Changed:
            return

    def get(self, poison_id: str) -> Stored[Poisoned] | None:
        """Returns the message."""
        place = row_key(poison_id)
        row = self._tables.of(place[0]).get(_PARTITION, place[1]) if place else None
        return Stored(unpack(Poisoned, row.columns), row.etag) if row else None

    def replace(self, poisoned: Poisoned, etag: str) -> None:
        """Overwrites the message that was read with *etag*; raises Changed where it is another one now."""
        table, row = self._place(poisoned)
        table.replace(_columns(row, poisoned), etag)

    def page(self, position: dict[str, str] | None, limit: int) -> Page[Poisoned]:
        """Returns up to *limit* messages after *position*, the newest first."""
        rows, after = self._tables.page("", {}, position=position, limit=limit)
        return Page([unpack(Poisoned, row.columns) for row in rows], after)

    def remove(self, poison_id: str, etag: str) -> None:
        """Removes the message that was read with *etag*; raises Changed where it is another one now."""
        place = row_key(poison_id)
        if place is not None:
            self._tables.of(place[0]).delete(_PARTITION, place[1], etag)

    def waiting(self, limit: int) -> int:
        """Returns how many messages nobody has requeued, counting up to *limit*."""
        rows, _ = self._tables.page("requeued eq @no", {"no": False}, position=None, limit=limit, select=["RowKey"])
        return len(rows)

    def _place(self, poisoned: Poisoned) -> tuple[Table, str]:
        place = row_key(poisoned.id)
        if place is None:
            raise ValueError(f"No row can hold the message {poisoned.id!r}.")
        return self._tables.of(place[0]), place[1]


def _columns(row: str, poisoned: Poisoned) -> dict[str, Any]:
    # Beside the record, so that storage itself can count.
    requeued = poisoned.requeued is not None
    return {"PartitionKey": _PARTITION, "RowKey": row, "requeued": requeued, **pack(poisoned)}


def row_key(poison_id: str) -> tuple[str, str] | None:
    """Returns the month and the key of the row with this id, which counts down; None where it is no id."""
    found = _ID.fullmatch(poison_id)
    if found is None:
        return None
    moment = int(found[1])
    month = (_EPOCH + timedelta(milliseconds=moment)).strftime("%Y%m")
    return month, f"{_LAST_MOMENT - moment:013}-{safe(found[2])}"
