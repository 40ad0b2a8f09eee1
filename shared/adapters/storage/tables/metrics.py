"""What processes counted, in the table `metrics`: one partition with a row for each, the base, and the census."""

from collections.abc import Sequence
from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Operation, Row, Table, replacing
from shared.domain.census import Census
from shared.domain.tallies import Tally
from shared.ports.metrics import Ledger
from shared.ports.records import Stored

_PARTITION = "metrics"
_BASE, _CENSUS, _PROCESS = "base", "census", "p-"
# What storage answers with at most; more rows come in several answers, between which somebody may fold.
# https://learn.microsoft.com/rest/api/storageservices/query-timeout-and-pagination
_ONE_ANSWER = 1000


class MetricsTable:
    """Keeps tallies and the census."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}metrics")

    def write(self, tally: Tally, etag: str | None) -> str:
        """Overwrites the tally that was written with *etag* and returns its new one; raises Changed."""
        columns = _place(f"{_PROCESS}{safe(tally.process)}") | pack(tally)
        return self._table.insert(columns) if etag is None else self._table.replace(columns, etag)

    def etag(self, process: str) -> str | None:
        """Returns the ETag of the process's row; None where there is none."""
        row = self._table.get(_PARTITION, f"{_PROCESS}{safe(process)}", select=["RowKey"])
        return row.etag if row else None

    def read(self) -> Ledger:
        """Returns all that was counted, as it was at one moment."""
        while True:
            rows = {str(row.columns["RowKey"]): row for row in self._table.all("PartitionKey eq @p", {"p": _PARTITION})}
            base = rows.get(_BASE)
            # One answer shows one moment. Of several the base comes first: where it is still the same after the last,
            # nothing of the others went into it meanwhile.
            if len(rows) < _ONE_ANSWER or self._is_base(base):
                break
        census = rows.get(_CENSUS)
        return Ledger(
            base=_tally(base) if base else None,
            tallies=[_tally(row) for key, row in rows.items() if key.startswith(_PROCESS)],
            census=unpack(Census, census.columns) if census else None,
        )

    def fold(self, base: Tally, etag: str | None, gone: Sequence[Stored[Tally]]) -> None:
        """Writes *base* and removes the tallies that are in it, in one transaction; raises Changed."""
        columns = _place(_BASE) | pack(base)
        write: Operation = ("create", columns) if etag is None else ("update", columns, replacing(etag))
        removals: list[Operation] = [
            ("delete", _place(f"{_PROCESS}{safe(each.value.process)}"), _unchanged(each.etag)) for each in gone
        ]
        self._table.transact([write, *removals])

    def keep(self, census: Census) -> None:
        """Overwrites the census."""
        self._table.put(_place(_CENSUS) | pack(census))

    def _is_base(self, row: Row | None) -> bool:
        now = self._table.get(_PARTITION, _BASE, select=["RowKey"])
        return (now.etag if now else None) == (row.etag if row else None)


def _place(row: str) -> dict[str, Any]:
    return {"PartitionKey": _PARTITION, "RowKey": row}


def _unchanged(etag: str) -> dict[str, Any]:
    return {name: value for name, value in replacing(etag).items() if name != "mode"}


def _tally(row: Row) -> Stored[Tally]:
    return Stored(unpack(Tally, row.columns), row.etag)
