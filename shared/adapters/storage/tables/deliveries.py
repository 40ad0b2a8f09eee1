"""
Deliveries in a table for each month: a partition for each day and webhook, the newest first.

Month and keys come from the event alone, so whoever writes a delivery again finds the row that is there.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.keys import safe
from shared.adapters.storage.tables.months import MonthlyTables
from shared.adapters.storage.tables.payloads import PayloadTable
from shared.adapters.storage.tables.records import pack, record_columns, unpack
from shared.adapters.storage.tables.table import TRANSACTION_ROWS, Operation, Row, Table, bad_cursor, replacing
from shared.domain.deliveries import Delivery, DeliveryKey, DeliveryQuery, overrules
from shared.domain.errors import Changed, TryLater
from shared.domain.retention import LEEWAY
from shared.ports.machine import Clock
from shared.ports.records import Page, Stored

# Storage takes 4 MiB; the rest is for what the protocol wraps around each row.
_TRANSACTION_BYTES = int(3.5 * 1024 * 1024)
_TRIES = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MOMENT = 9_999_999_999_999
_LAST_DAY = 99_999_999

# Where a page goes on in a webhook's own partitions: in a day, and within it where Table says.
_IN_DAY = "day"
_POSITION = frozenset({_IN_DAY, "PartitionKey", "RowKey"})
_MOST_DAYS = 31

Columns = Mapping[str, Any]


class DeliveryTable:
    """Keeps deliveries with the bytes that they send."""

    def __init__(self, connection: StorageConnection, clock: Clock, prefix: str = "") -> None:
        self._tables = MonthlyTables(connection, f"{prefix}deliveries")
        self._payloads = PayloadTable(connection, prefix)
        self._clock = clock

    def add(self, deliveries: Sequence[tuple[Delivery, bytes]]) -> None:
        """
        Stores deliveries with their payloads, up to a hundred of a partition in one transaction.

        Where a row exists already, it stays as it is, unless the new one overrules it: only a delivered one does. So
        who comes late takes nothing back, and any order of crashes and repetitions converges.
        """
        partitions: defaultdict[tuple[str, str], list[Columns]] = defaultdict(list)
        for delivery, payload in _last_words(deliveries):
            month = month_of(delivery.key)
            partition, row = keys(delivery.key)
            stored = self._payloads.store(month, partition, row, payload, _about(delivery))
            partitions[month, partition].append({**_columns(delivery), **stored})
        for (month, _), rows in partitions.items():
            for together in _transactions(rows):
                self._write(self._tables.of(month), together)

    def get(self, key: DeliveryKey) -> Stored[Delivery] | None:
        """Returns the delivery without its payload."""
        row = self._tables.of(month_of(key)).get(*keys(key), select=record_columns())
        return Stored(unpack(Delivery, row.columns), row.etag) if row else None

    def payload(self, key: DeliveryKey) -> bytes | None:
        """Returns the exact bytes that were stored, or None where they have expired."""
        month = month_of(key)
        partition, name = keys(key)
        row = self._tables.of(month).get(partition, name)
        if row is None or unpack(Delivery, row.columns).payload_expires < self._clock.now():
            return None
        return self._payloads.load(month, partition, name, row.columns)

    def replace(self, delivery: Delivery, etag: str) -> None:
        """Overwrites the delivery that was read with *etag*, not its payload; raises Changed where it changed."""
        self._tables.of(month_of(delivery.key)).replace(_columns(delivery), etag, merge=True)

    def page(self, query: DeliveryQuery, position: dict[str, str] | None, limit: int) -> Page[Delivery]:
        """Returns up to *limit* deliveries that *query* asks for, the newest day first."""
        if query.webhook is not None and query.since is not None:
            rows, after = self._page_of_webhook(query, query.webhook, query.since, position, limit)
        else:
            condition, values = _condition(query)
            rows, after = self._tables.page(
                condition,
                values,
                position=position,
                limit=limit,
                select=record_columns(),
                wanted=lambda month: _may_hold(month, query),
            )
        return Page([unpack(Delivery, row.columns) for row in rows], after)

    def _page_of_webhook(
        self, query: DeliveryQuery, webhook: str, since: datetime, position: dict[str, str] | None, limit: int
    ) -> tuple[list[Row], dict[str, str] | None]:
        """
        Returns a page from the webhook's own partitions, day by day, so that nobody else's rows are read.

        Days that hold nothing cost a request each, so a page ends after a month of them, with whatever it has.
        """
        condition, values = _condition(query)
        newest = self._clock.now() + LEEWAY
        newest = min(query.until or newest, newest)
        months = self._tables.months()
        rows: list[Row] = []
        looked = 0
        if position is not None and not position.keys() <= _POSITION:
            raise bad_cursor()
        for day in _days(since, newest, position):
            if day.strftime("%Y%m") not in months:
                continue
            if len(rows) >= limit or looked >= _MOST_DAYS:
                return rows, {_IN_DAY: _day(day)}
            rest = _in_partition(position) if position and position.get(_IN_DAY) == _day(day) else None
            found, after = self._tables.of(day.strftime("%Y%m")).page(
                f"PartitionKey eq @partition and {condition}",
                {**values, "partition": _partition(day, webhook)},
                position=rest,
                limit=limit - len(rows),
                select=record_columns(),
            )
            rows, looked = rows + found, looked + 1
            if after is not None:
                return rows, {_IN_DAY: _day(day), **after}
        return rows, None

    def _write(self, table: Table, rows: Sequence[Columns]) -> None:
        operations: list[Operation] = [("create", row) for row in rows]
        for _ in range(_TRIES):
            if not operations:
                return
            try:
                table.transact(operations)
            except Changed:
                # One row that exists refuses them all. That is a repetition, where most exist: look at each.
                operations = [operation for row in rows if (operation := _still_to_do(table, row))]
            else:
                return
        raise TryLater("Others write the same deliveries at this moment.")


def _place(moment: datetime) -> tuple[str, str]:
    """Returns what the keys of the last event before *moment* begin with."""
    return _day_and_row(int(moment.timestamp() * 1000) - 1)


def keys(key: DeliveryKey) -> tuple[str, str]:
    """
    Returns the keys of the delivery's partition and row: both count down, so that the newest comes first.

    A moment before 1970 or after 2286, which only a forged one is, counts as the nearest of those.
    """
    day, row = _day_and_row(key.moment)
    return f"{day}|{safe(key.webhook)}", f"{row}-{safe(key.event_id)}"


def _day_and_row(milliseconds: int) -> tuple[str, str]:
    moment = _nearest(milliseconds)
    return str(_LAST_DAY - int(_date(moment).strftime("%Y%m%d"))), f"{_LAST_MOMENT - moment:013}"


def month_of(key: DeliveryKey) -> str:
    """Returns the month whose table holds the delivery, in UTC."""
    return _date(_nearest(key.moment)).strftime("%Y%m")


def month_in(partition: str) -> str:
    """Returns the month whose table holds the *partition*, which begins with its day, counted down."""
    return str(_LAST_DAY - int(partition.partition("|")[0]))[:6]


def _nearest(milliseconds: int) -> int:
    return min(max(milliseconds, 0), _LAST_MOMENT)


def _date(moment: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=moment)


def _condition(query: DeliveryQuery) -> tuple[str, dict[str, str]]:
    """Returns the condition for *query*, and the values that it names."""
    values = {
        name: str(value)
        for name in ("account", "event_id", "webhook", "state")
        if (value := getattr(query, name)) is not None
    }
    terms = [f"{name} eq @{name}" for name in values]
    # Both keys count down, so what is later than a moment comes before its place.
    if query.since is not None:
        partition, row = _place(query.since)
        values |= {"last_day": f"{partition}}}", "last_row": row}
        terms += ["PartitionKey lt @last_day", "RowKey lt @last_row"]
    if query.until is not None:
        partition, row = _place(query.until)
        values |= {"first_day": partition, "first_row": row}
        terms += ["PartitionKey ge @first_day", "RowKey ge @first_row"]
    return " and ".join(terms), values


def _may_hold(month: str, query: DeliveryQuery) -> bool:
    since, until = (
        moment.astimezone(UTC).strftime("%Y%m") if moment else None for moment in (query.since, query.until)
    )
    return (since is None or month >= since) and (until is None or month <= until)


def _days(since: datetime, newest: datetime, position: dict[str, str] | None) -> Iterator[datetime]:
    """Returns the days from *newest* down to that of *since*, from *position* on."""
    day = newest.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if position is not None:
        try:
            goes_on = datetime.strptime(position[_IN_DAY], "%Y%m%d").replace(tzinfo=UTC)
        except (KeyError, ValueError):
            raise bad_cursor() from None
        day = min(day, goes_on)
    last = max(since, _EPOCH).astimezone(UTC) - timedelta(days=1)
    while day > last:
        yield day
        day -= timedelta(days=1)


def _day(day: datetime) -> str:
    return day.strftime("%Y%m%d")


def _partition(day: datetime, webhook: str) -> str:
    return f"{_LAST_DAY - int(_day(day))}|{safe(webhook)}"


def _in_partition(position: dict[str, str]) -> dict[str, str] | None:
    return {name: value for name, value in position.items() if name != _IN_DAY} or None


def _still_to_do(table: Table, row: Columns) -> Operation | None:
    found = table.get(row["PartitionKey"], row["RowKey"], select=["PartitionKey", "RowKey", "state"])
    if found is None:
        return ("create", row)
    if not overrules(row["state"], found.columns["state"]):
        return None
    return ("update", row, replacing(found.etag))


def _columns(delivery: Delivery) -> dict[str, Any]:
    # What a query asks for stands beside the record so that storage itself can choose by it.
    partition, row = keys(delivery.key)
    return {
        "PartitionKey": partition,
        "RowKey": row,
        "account": delivery.account,
        "event_id": delivery.key.event_id,
        "webhook": delivery.key.webhook,
        "state": str(delivery.state),
        **pack(delivery),
    }


def _about(delivery: Delivery) -> dict[str, str]:
    if delivery.account is None:
        return {}
    return {"account": delivery.account, "learned": delivery.created.isoformat()}


def _last_words(deliveries: Sequence[tuple[Delivery, bytes]]) -> list[tuple[Delivery, bytes]]:
    """Returns one entry for each key, as if added one after the other: a transaction takes a row once only."""
    kept: dict[DeliveryKey, tuple[Delivery, bytes]] = {}
    for delivery, payload in deliveries:
        former = kept.get(delivery.key)
        if former is None or overrules(delivery.state, former[0].state):
            kept[delivery.key] = (delivery, payload)
    return list(kept.values())


def _transactions(rows: Sequence[Columns]) -> Iterator[list[Columns]]:
    together: list[Columns] = []
    size = 0
    for row in rows:
        more = _size(row)
        if together and (len(together) == TRANSACTION_ROWS or size + more > _TRANSACTION_BYTES):
            yield together
            together, size = [], 0
        together.append(row)
        size += more
    if together:
        yield together


def _size(row: Columns) -> int:
    """Returns at most how many bytes *row* takes in a request: base64 for bytes, up to 6 for an escaped character."""
    frame = 1024
    values = [value for value in row.values() if isinstance(value, str | bytes)]
    return frame + sum(len(value) * 4 // 3 + 64 if isinstance(value, bytes) else len(value) * 6 for value in values)
