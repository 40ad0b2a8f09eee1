"""
Traces of an account in the tables of every month, found by the column in which a row says whose it is.

No index leads there, so storage looks at every row of a kind: a request takes at most 5 seconds, and tells where to go
on. That is for an account that is erased, and for nothing else.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from azure.core import MatchConditions

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.deliveries import month_in
from shared.adapters.storage.tables.months import MonthlyTables
from shared.adapters.storage.tables.records import record_columns, unpack
from shared.adapters.storage.tables.sightings import month_of
from shared.adapters.storage.tables.table import TRANSACTION_ROWS, Operation, Row
from shared.domain.accounts import account_key
from shared.domain.deliveries import Delivery, DeliveryState
from shared.domain.erasures import Trace, TraceKind
from shared.domain.events import EventName
from shared.ports.records import Page

_UNDER_WAY = frozenset({DeliveryState.RETRYING, DeliveryState.PARKED})


@dataclass(frozen=True)
class _Kind:
    """How the rows of a kind are found and read."""

    condition: str
    values: Callable[[str], Mapping[str, str]]
    columns: Sequence[str]
    read: Callable[[Row], Trace]


class TraceTables:
    """Finds what is kept of an account in the tables of every month, and removes it."""

    def __init__(self, connection: StorageConnection, prefix: str = "") -> None:
        self._tables = {kind: MonthlyTables(connection, f"{prefix}{kind}") for kind in TraceKind}

    def page(self, kind: TraceKind, account: str, position: dict[str, str] | None, limit: int) -> Page[Trace]:
        """Returns up to *limit* traces of the account with this id after *position*."""
        # https://learn.microsoft.com/rest/api/storageservices/query-timeout-and-pagination
        how = _KINDS[kind]
        rows, after = self._tables[kind].page(
            how.condition, how.values(account), position=position, limit=limit, select=how.columns
        )
        return Page([how.read(row) for row in rows], after)

    def remove(self, kind: TraceKind, traces: Sequence[Trace]) -> None:
        """Removes *traces*, up to a hundred of a partition in one transaction; raises Changed where one changed."""
        partitions: defaultdict[tuple[str, str], list[Operation]] = defaultdict(list)
        for trace in traces:
            month, partition, row = trace.place
            unchanged = {"etag": trace.etag, "match_condition": MatchConditions.IfNotModified}
            partitions[month, partition].append(("delete", {"PartitionKey": partition, "RowKey": row}, unchanged))
        for (month, _), operations in partitions.items():
            for start in range(0, len(operations), TRANSACTION_ROWS):
                self._tables[kind].of(month).transact(operations[start : start + TRANSACTION_ROWS])


def _delivery(row: Row) -> Trace:
    delivery = unpack(Delivery, row.columns)
    farewell = delivery.event is EventName.ACCOUNT_DELETED and delivery.state in _UNDER_WAY
    return Trace(_place(row, month_in), row.etag, learned=delivery.created, farewell=farewell)


def _payload(row: Row) -> Trace:
    return Trace(_place(row, month_in), row.etag, learned=datetime.fromisoformat(row.columns["learned"]))


def _sighting(row: Row) -> Trace:
    return Trace(_place(row, month_of), row.etag, owner=row.columns["a"])


def _place(row: Row, month: Callable[[str], str]) -> tuple[str, str, str]:
    partition = str(row.columns["PartitionKey"])
    return month(partition), partition, str(row.columns["RowKey"])


def _by_id(account: str) -> Mapping[str, str]:
    return {"account": account}


def _by_registration(account: str) -> Mapping[str, str]:
    # A registration is the account's key, a dash and more; a full stop sorts right after the dash.
    key = account_key(account)
    return {"first": f"{key}-", "after": f"{key}."}


_KEYS = ("PartitionKey", "RowKey")
_KINDS = {
    TraceKind.DELIVERIES: _Kind("account eq @account", _by_id, record_columns(), _delivery),
    TraceKind.PAYLOADS: _Kind("account eq @account", _by_id, (*_KEYS, "learned"), _payload),
    TraceKind.SIGHTINGS: _Kind("a ge @first and a lt @after", _by_registration, (*_KEYS, "a"), _sighting),
}
