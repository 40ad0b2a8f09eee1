"""
The due index in the table `due`: a partition for each hour, in it a row for each entry, the earliest first.

Keys come from the entry alone, so an entry that is put twice is one row.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import hashed, safe
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import TRANSACTION_ROWS, Operation, Row, Table
from shared.domain.due import Due, Heartbeat
from shared.domain.errors import Changed
from shared.ports.records import Stored

_HEARTBEAT = "heartbeat"
_BEFORE = "PartitionKey ge @first and PartitionKey lt @hour"
_WITHIN = "PartitionKey eq @hour and RowKey lt @end"
# What sorts right after the `-` that ends the moment in a row's key.
_AFTER = "."


class DueTable:
    """Keeps the due index."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}due")

    def put(self, due: Due) -> None:
        """Adds an entry; the same entry a second time changes nothing."""
        self._table.put(_row(due))

    def put_all(self, entries: Sequence[Due]) -> None:
        """Adds entries, up to a hundred of one hour in a request."""
        hours: defaultdict[str, list[Operation]] = defaultdict(list)
        # A transaction takes a row once only.
        for due in {keys(due): due for due in entries}.values():
            hours[_hour(due.at)].append(("upsert", _row(due), {"mode": "replace"}))
        for operations in hours.values():
            for start in range(0, len(operations), TRANSACTION_ROWS):
                self._table.transact(operations[start : start + TRANSACTION_ROWS])

    def within(self, since: datetime, until: datetime, limit: int) -> list[Due]:
        """
        Returns up to *limit* entries that are due from the hour of *since* on and by *until*, the earliest first.

        That is a query for the last hour, and one for all before it, however many.
        """
        first, hour = _hour(since), _hour(until)
        rows = self._rows(_BEFORE, {"first": first, "hour": hour}, limit) if first < hour else []
        if len(rows) < limit and first <= hour:
            rows += self._rows(_WITHIN, {"hour": hour, "end": _within_the_hour(until) + _AFTER}, limit - len(rows))
        return [unpack(Due, row.columns) for row in rows]

    def remove(self, entries: Sequence[Due]) -> None:
        """Removes entries, up to a hundred of one hour in a request; what is gone already is fine."""
        hours: defaultdict[str, list[str]] = defaultdict(list)
        # A transaction takes a row once only.
        for partition, row in dict.fromkeys(map(keys, entries)):
            hours[partition].append(row)
        for partition, rows in hours.items():
            for start in range(0, len(rows), TRANSACTION_ROWS):
                self._remove(partition, rows[start : start + TRANSACTION_ROWS])

    def heartbeat(self) -> Stored[Heartbeat] | None:
        """Returns how far the ticks have come, or None before the first."""
        row = self._table.get(_HEARTBEAT, _HEARTBEAT)
        return Stored(unpack(Heartbeat, row.columns), row.etag) if row else None

    def beat(self, heartbeat: Heartbeat, etag: str | None) -> str:
        """Overwrites the heartbeat that was read with *etag*; raises Changed where it is another one now."""
        columns = {"PartitionKey": _HEARTBEAT, "RowKey": _HEARTBEAT, **pack(heartbeat)}
        return self._table.insert(columns) if etag is None else self._table.replace(columns, etag)

    def _rows(self, condition: str, values: dict[str, str], limit: int) -> list[Row]:
        rows, position = self._table.page(condition, values, position=None, limit=limit)
        while position is not None and len(rows) < limit:
            some, position = self._table.page(condition, values, position=position, limit=limit - len(rows))
            rows += some
        return rows

    def _remove(self, partition: str, rows: Sequence[str]) -> None:
        places: list[dict[str, Any]] = [{"PartitionKey": partition, "RowKey": row} for row in rows]
        operations: list[Operation] = [("delete", place) for place in places]
        try:
            self._table.transact(operations)
        except Changed:
            # One row that is gone refuses them all: somebody else ticks, or an answer was lost.
            for row in rows:
                self._table.delete(partition, row)


def keys(due: Due) -> tuple[str, str]:
    """Returns the keys of the entry's partition and row; the row begins with the moment, to the microsecond."""
    registration = hashed(due.incarnation) if due.incarnation is not None else ""
    return _hour(due.at), f"{_within_the_hour(due.at)}-{due.kind}-{safe(due.subject)}-{registration}"


def _row(due: Due) -> dict[str, Any]:
    partition, row = keys(due)
    return {"PartitionKey": partition, "RowKey": row, **pack(due)}


def _hour(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H")


def _within_the_hour(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%M%S%f")
