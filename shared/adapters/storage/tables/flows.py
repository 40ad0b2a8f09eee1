"""
Sign-ins that are under way in the table `flows`: a partition for each, and one for each link that was used.

A flow is sealed as a whole: its PKCE verifier is a secret, if only for a while.
"""

from datetime import datetime

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.seal import Seal
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.records import read, text_of
from shared.adapters.storage.tables.table import Table
from shared.domain.errors import Changed, TryLater
from shared.domain.flows import Flow

_FLOW = "flow"
_LINK = "link"


class FlowTable:
    """Keeps flows by id; there are as many rows as there were sign-ins within a day."""

    def __init__(self, connection: StorageConnection, seal: Seal, prefix: str = "") -> None:
        self._table = Table(connection, f"{prefix}flows")
        self._seal = seal

    def put(self, flow: Flow) -> None:
        """Adds a flow."""
        sealed = self._seal.close(text_of(flow))
        self._table.put(
            {"PartitionKey": safe(flow.id), "RowKey": _FLOW, "expires": flow.expires, "sealed": sealed},
        )

    def take(self, flow: str) -> Flow | None:
        """Removes the flow and returns it; of all who ask, one gets it."""
        row = self._table.get(safe(flow), _FLOW)
        if row is None:
            return None
        try:
            if not self._table.delete(safe(flow), _FLOW, row.etag):
                return None
        except Changed:
            return None
        text = self._seal.open(str(row.columns["sealed"]))
        # None of today's keys opens it: it is older than the former key's last day.
        return read(Flow, text) if text is not None else None

    def use(self, link: str, flow: str, until: datetime) -> bool:
        """Marks the link as used by a flow, until a moment, and tells whether it was that flow."""
        try:
            self._table.insert({"PartitionKey": safe(link), "RowKey": _LINK, "expires": until, "by": flow})
        except Changed:
            return self._user(link) == flow
        except TryLater:
            # It may stand there nevertheless: who comes again comes as another flow, and would find his link used.
            by = self._user(link)
            if by is None:
                raise
            return by == flow
        return True

    def _user(self, link: str) -> str | None:
        row = self._table.get(safe(link), _LINK)
        return None if row is None else str(row.columns.get("by"))

    def unuse(self, link: str) -> None:
        """Takes the mark back."""
        self._table.delete(safe(link), _LINK)

    def purge(self, before: datetime) -> int:
        """Removes what ended before *before* and returns how many that were."""
        rows = list(self._table.all("expires lt @before", {"before": before}, select=["PartitionKey", "RowKey"]))
        for row in rows:
            self._table.delete(str(row.columns["PartitionKey"]), str(row.columns["RowKey"]))
        return len(rows)
