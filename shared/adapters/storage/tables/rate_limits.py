"""How many requests tokens with a rate limit made, in the table `ratelimits`: a row each, written again and again."""

from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import pack, unpack
from shared.adapters.storage.tables.table import Table
from shared.domain.rate_limits import RequestCount
from shared.ports.records import Stored

_ROW = "count"


class RateLimitTable:
    """Keeps the counts of requests by the token's id."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}ratelimits", quick=True)

    def get(self, token: str) -> Stored[RequestCount] | None:
        """Returns the count of the token with this id."""
        row = self._table.get(safe(token), _ROW)
        return Stored(unpack(RequestCount, row.columns), row.etag) if row else None

    def insert(self, token: str, count: RequestCount) -> Stored[RequestCount]:
        """Writes it for the first time; raises Changed where somebody was faster."""
        return Stored(count, self._table.insert(_columns(token, count)))

    def replace(self, token: str, count: RequestCount, etag: str) -> Stored[RequestCount]:
        """Overwrites the count that was read with *etag*; raises Changed where it is another one now, or gone."""
        return Stored(count, self._table.replace(_columns(token, count), etag))

    def delete(self, token: str) -> None:
        """Removes the count; one that is gone is fine."""
        self._table.delete(safe(token), _ROW)


def _columns(token: str, count: RequestCount) -> dict[str, Any]:
    return {"PartitionKey": safe(token), "RowKey": _ROW, **pack(count)}
