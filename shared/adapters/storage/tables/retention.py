"""Retention on the storage account: what is too old goes by the table, a month at a time."""

from datetime import UTC, datetime

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.months import MonthlyTables

# Payloads after the deliveries that lead to them.
_KINDS = ("deliveries", "payloads", "sightings", "poison")


class TableRetention:
    """Drops the tables of deliveries, payloads, sightings and poison."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._kinds = [MonthlyTables(connection, f"{prefix}{kind}") for kind in _KINDS]

    def purge(self, before: datetime) -> int:
        """Drops every table whose whole month lies before *before*, and returns how many that were."""
        first_kept = before.astimezone(UTC).strftime("%Y%m")
        return sum(tables.drop(lambda month: month < first_kept) for tables in self._kinds)
