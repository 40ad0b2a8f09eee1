"""
A table for each month (`deliveries202611`), so that a month is purged with one request and no row is touched.

A month's table is made by its first row; one that was dropped or never made reads as empty.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.errors import translated
from shared.adapters.storage.tables.table import Row, Table, bad_cursor

MONTH = re.compile(r"[0-9]{6}")
# What sorts right after every digit.
_AFTER = ":"
_IN_MONTH = "month"
_POSITION = frozenset({_IN_MONTH, "PartitionKey", "RowKey"})


class MonthlyTables:
    """The tables *name* + month."""

    def __init__(self, connection: StorageConnection, name: str) -> None:
        self._connection = connection
        self._name = name
        self._tables: dict[str, Table] = {}

    def of(self, month: str) -> Table:
        """Returns the table of *month* (`202611`), whether it is there or not."""
        known = self._tables.get(month)
        # Two threads may make one each; a table is only a way to storage.
        return known or self._tables.setdefault(month, Table(self._connection, f"{self._name}{month}"))

    def months(self) -> list[str]:
        """Returns the months that have a table, the newest first."""
        with translated():
            # https://learn.microsoft.com/rest/api/storageservices/query-tables
            found = self._connection.tables().query_tables(
                "TableName ge @first and TableName lt @after",
                parameters={"first": f"{self._name}0", "after": f"{self._name}{_AFTER}"},
            )
            ends = [table.name.removeprefix(self._name) for table in found]
        return sorted((end for end in ends if MONTH.fullmatch(end)), reverse=True)

    def page(
        self,
        condition: str,
        values: Mapping[str, Any],
        *,
        position: dict[str, str] | None,
        limit: int,
        select: Sequence[str] | None = None,
        wanted: Callable[[str], bool] = lambda _: True,
    ) -> tuple[list[Row], dict[str, str] | None]:
        """
        Returns up to *limit* rows of the *wanted* months that meet *condition*, the newest month first.

        The position after them is the table's own within a month, and the month; alone it is the month's beginning.
        """
        rows: list[Row] = []
        months = [month for month in self._from(position) if wanted(month)]
        for number, month in enumerate(months):
            rest = _within(position) if position and position[_IN_MONTH] == month else None
            found, after = self.of(month).page(condition, values, position=rest, limit=limit - len(rows), select=select)
            rows += found
            if after is not None:
                return rows, {_IN_MONTH: month, **after}
            if len(rows) >= limit:
                return rows, {_IN_MONTH: months[number + 1]} if number + 1 < len(months) else None
        return rows, None

    def _from(self, position: dict[str, str] | None) -> list[str]:
        months = self.months()
        if position is None:
            return months
        if not position.keys() <= _POSITION or not MONTH.fullmatch(position.get(_IN_MONTH, "")):
            raise bad_cursor()
        return [month for month in months if month <= position[_IN_MONTH]]

    def drop(self, wanted: Callable[[str], bool]) -> int:
        """Drops the tables of the months that are *wanted*, a request each, and returns how many there were."""
        months = [month for month in self.months() if wanted(month)]
        for month in months:
            self.of(month).drop()
        return len(months)


def _within(position: dict[str, str]) -> dict[str, str] | None:
    return {name: value for name, value in position.items() if name != _IN_MONTH} or None
