"""Messages that were given up in the table `poison`: one partition, the newest first, a row for each message."""

import re

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Table
from shared.domain.errors import Changed
from shared.domain.poison import Poisoned
from shared.ports.records import Page, Stored

_PARTITION = "poison"
_LAST_MOMENT = 9_999_999_999_999
_ID = re.compile(r"([0-9]{1,13})_(.+)", re.DOTALL)


class PoisonTable:
    """Keeps messages that were given up."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}poison")

    def keep(self, poisoned: Poisoned) -> None:
        """Adds a message; the same a second time changes nothing."""
        try:
            self._table.insert({"PartitionKey": _PARTITION, "RowKey": row_key(poisoned.id), **pack(poisoned)})
        except Changed:
            return

    def get(self, poison_id: str) -> Stored[Poisoned] | None:
        """Returns the message."""
        key = row_key(poison_id)
        row = self._table.get(_PARTITION, key) if key else None
        return Stored(unpack(Poisoned, row.columns), row.etag) if row else None

    def replace(self, poisoned: Poisoned, etag: str) -> None:
        """Overwrites the message that was read with *etag*; raises Changed where it is another one now."""
        self._table.replace({"PartitionKey": _PARTITION, "RowKey": row_key(poisoned.id), **pack(poisoned)}, etag)

    def page(self, position: dict[str, str] | None, limit: int) -> Page[Poisoned]:
        """Returns up to *limit* messages after *position*, the newest first."""
        rows, after = self._table.page("", {}, position=position, limit=limit)
        return Page([unpack(Poisoned, row.columns) for row in rows], after)


def row_key(poison_id: str) -> str | None:
    """Returns the key of the row with this id, which counts down; None where it is no id."""
    found = _ID.fullmatch(poison_id)
    return f"{_LAST_MOMENT - int(found[1]):013}-{safe(found[2])}" if found else None
