"""
Sightings in a table for each month: a partition a day, a row a message.

There is one row for every message, so columns are few and their names short: `f` folder, `g` flags, `l` labels, `t`
late, `a` the account's registration.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.months import MONTH, MonthlyTables
from shared.adapters.storage.tables.table import TRANSACTION_ROWS, Operation
from shared.domain.sightings import Sighting, SightingKey

# Where a day has no month, which only a forged one has not.
_NO_MONTH = "000000"


class SightingTable:
    """Keeps what we last knew of messages."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._tables = MonthlyTables(connection, f"{prefix}sightings")

    def get(self, key: SightingKey) -> Sighting | None:
        """Returns the sighting."""
        row = self._tables.of(month_of(key.day)).get(safe(key.day), safe(key.name))
        if row is None:
            return None
        columns = row.columns
        return Sighting(
            folder=columns["f"],
            flags=_texts(columns.get("g")),
            labels=_texts(columns.get("l")),
            late=bool(columns.get("t")),
            owner=columns.get("a", ""),
        )

    def put(self, sightings: Mapping[SightingKey, Sighting]) -> None:
        """Overwrites them, a transaction for up to a hundred of one day."""
        days: defaultdict[str, list[Operation]] = defaultdict(list)
        for key, sighting in sightings.items():
            days[key.day].append(("upsert", _columns(key, sighting), {"mode": "replace"}))
        for day, operations in days.items():
            for start in range(0, len(operations), TRANSACTION_ROWS):
                self._tables.of(month_of(day)).transact(operations[start : start + TRANSACTION_ROWS])


def month_of(day: str) -> str:
    """Returns the month whose table holds the sightings of *day*."""
    found = MONTH.match(day)
    return found[0] if found else _NO_MONTH


def _columns(key: SightingKey, sighting: Sighting) -> dict[str, Any]:
    columns: dict[str, Any] = {"PartitionKey": safe(key.day), "RowKey": safe(key.name), "f": sighting.folder}
    if sighting.late:
        columns["t"] = True
    if sighting.owner:
        columns["a"] = sighting.owner
    for name, texts in (("g", sighting.flags), ("l", sighting.labels)):
        if texts:
            columns[name] = json.dumps(texts, separators=(",", ":"), ensure_ascii=False)
    return columns


def _texts(column: str | None) -> tuple[str, ...]:
    return tuple(json.loads(column)) if column else ()
