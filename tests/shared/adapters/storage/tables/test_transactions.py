"""Transactions on the wire: rows arrive as the library would have sent them, and refusals say why."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from azure.data.tables import TableClient

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.transactions import Operation, TransactionRefused, transact

STALE = "W/\"datetime'2020-01-01'\""
PLACE = {"PartitionKey": "it's 10 % | ö", "RowKey": "r'1"}
VALUES: dict[str, Any] = {
    "text": "Grüße,\r\n--batch_\n\"HTTP/1.1 409\" 'so' \\ \u2028 \x85 😀",
    "empty": "",
    "truth": True,
    "number": -(2**31),
    "bytes": bytes(range(256)),
    "moment": datetime(2026, 2, 3, 4, 5, 6, 789012, tzinfo=timezone(timedelta(hours=2))),
    "early": datetime(1970, 1, 1, tzinfo=UTC),
    "nothing": None,
}


@pytest.fixture
def table(connection: StorageConnection, prefix: str) -> TableClient:
    """Return the library's client of a table that is there."""
    client = connection.tables().get_table_client(f"{prefix}rows")
    client.create_table()
    return client


@pytest.mark.parametrize("kind", ["create", "upsert"])
def test_a_row_arrives_as_the_library_sends_it(table: TableClient, kind: str) -> None:
    """Each type that a column holds is read back as what the library's own transaction would have written."""
    options: dict[str, Any] = {} if kind == "create" else {"mode": "replace"}
    ours, theirs = {**PLACE, **VALUES}, {**PLACE, "RowKey": "theirs", **VALUES}
    (etag,) = transact(table, [(kind, ours, options)])
    table.submit_transaction([(kind, theirs, options)])
    read, expected = (table.get_entity(row["PartitionKey"], row["RowKey"]) for row in (ours, theirs))
    assert read.metadata["etag"] == etag
    assert {**read, "RowKey": "theirs"} == dict(expected)


def test_rows_are_changed_as_their_etags_allow(table: TableClient) -> None:
    """An update replaces or merges, a removal removes, each with the ETag that the one before told."""
    former = transact(table, [("create", {**PLACE, "RowKey": name, "a": "1"}) for name in ("1", "2", "3")])
    operations: list[Operation] = [
        ("update", {**PLACE, "RowKey": "1", "b": "2"}, {"mode": "replace", "etag": former[0]}),
        ("update", {**PLACE, "RowKey": "2", "b": "2"}, {"mode": "merge", "etag": former[1]}),
        ("delete", {**PLACE, "RowKey": "3"}, {"etag": former[2]}),
    ]
    later = transact(table, operations)
    rows = {row["RowKey"]: row for row in table.list_entities()}
    assert {name: (row.get("a"), row["b"]) for name, row in rows.items()} == {"1": (None, "2"), "2": ("1", "2")}
    assert [rows["1"].metadata["etag"], rows["2"].metadata["etag"], ""] == later
    assert not set(former) & set(later)


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (("create", PLACE), (409, "EntityAlreadyExists")),
        (
            ("update", PLACE, {"mode": "replace", "etag": STALE}),
            (412, "UpdateConditionNotSatisfied"),
        ),
        (("delete", {**PLACE, "RowKey": "missing"}), (404, "ResourceNotFound")),
    ],
)
def test_a_refusal_says_why(table: TableClient, refused: Operation, expected: tuple[int, str]) -> None:
    """What refuses one operation is told with storage's status and word, and the others are not carried out."""
    transact(table, [("create", PLACE)])
    with pytest.raises(TransactionRefused) as refusal:
        transact(table, [("create", {**PLACE, "RowKey": "new"}), refused])
    assert (refusal.value.status_code, refusal.value.error_code) == expected
    assert [row["RowKey"] for row in table.list_entities()] == [PLACE["RowKey"]]


def test_a_type_that_no_column_holds_is_a_mistake(table: TableClient) -> None:
    """A value whose type is not known is not written as something else."""
    with pytest.raises(TypeError, match="float"):
        transact(table, [("create", {**PLACE, "ratio": 0.5})])
