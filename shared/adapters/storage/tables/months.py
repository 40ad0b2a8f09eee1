"""
A table for each month (`deliveries202611`), so that a month is purged with one request and no row is touched.

A month's table is made by its first row; one that was dropped or never made reads as empty.
"""

import re
from collections.abc import Callable

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.errors import translated
from shared.adapters.storage.tables.table import Table

MONTH = re.compile(r"[0-9]{6}")
# What sorts right after every digit.
_AFTER = ":"


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

    def drop(self, wanted: Callable[[str], bool]) -> int:
        """Drops the tables of the months that are *wanted*, a request each, and returns how many there were."""
        months = [month for month in self.months() if wanted(month)]
        for month in months:
            self.of(month).drop()
        return len(months)
