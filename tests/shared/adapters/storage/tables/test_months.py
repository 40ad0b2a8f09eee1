"""A kind of rows has a table for each month, and nobody else's."""

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.months import MonthlyTables
from shared.adapters.storage.tables.table import Table

ROW = {"PartitionKey": "p", "RowKey": "r"}


def test_months_are_told_newest_first(connection: StorageConnection, prefix: str) -> None:
    """The months with a table are told, the newest first; tables that only begin alike are none of them."""
    tables = MonthlyTables(connection, f"{prefix}things")
    assert tables.months() == []
    for month in ("202512", "202602", "202601"):
        tables.of(month).put(ROW)
    for other in ("things", "things2026011", "things20261", "thingsandmore", "thing202601", "other202601"):
        Table(connection, f"{prefix}{other}").put(ROW)
    assert tables.months() == ["202602", "202601", "202512"]
    assert tables.drop(lambda month: month < "202602") == 2
    assert tables.months() == ["202602"]
    assert tables.of("202601").get("p", "r") is None
