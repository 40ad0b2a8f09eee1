"""A table is made when it is missed, and its rows are written as they were read."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.adapters.storage.tables.table import Table, replacing
from shared.domain.errors import Changed, InvalidRequest
from tests.fakes.storage_wire import WiredConnection

ROW = {"PartitionKey": "p", "RowKey": "r", "a": "1"}


@pytest.fixture
def table(wired: WiredConnection, prefix: str) -> Table:
    """Return a table that is not there yet."""
    return Table(wired, f"{prefix}things")


@pytest.mark.parametrize("first", ["get", "insert", "put", "delete", "transact", "page"])
def test_a_missing_table_is_made(table: Table, first: str) -> None:
    """Whatever is asked first, it works as on an empty table."""
    operations: dict[str, Callable[[], object]] = {
        "get": lambda: table.get("p", "r"),
        "insert": lambda: table.insert(ROW),
        "put": lambda: table.put(ROW),
        "delete": lambda: table.delete("p", "r"),
        "transact": lambda: table.transact([("upsert", ROW)]),
        "page": lambda: table.page("", {}, position=None, limit=1),
    }
    operations[first]()
    assert (table.get("p", "r") is not None) is (first in {"insert", "put", "transact"})


def test_a_table_is_made_once(table: Table, wired: WiredConnection) -> None:
    """Nothing asks for the table again once it is there, and eight threads may miss it together."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: table.put({**ROW, "RowKey": str(number)}), range(8)))
    wired.wire.calls.clear()
    table.put(ROW)
    table.get("p", "r")
    assert len(wired.wire.calls) == 2
    assert len(list(table.all("PartitionKey eq @p", {"p": "p"}))) == 9


def test_a_merge_keeps_other_columns(table: Table) -> None:
    """A merge adds and overwrites columns; without it the row is the new one only."""
    etag = table.insert(ROW)
    etag = table.replace({"PartitionKey": "p", "RowKey": "r", "b": "2"}, etag, merge=True)
    merged = table.get("p", "r")
    assert merged is not None
    assert merged.etag == etag
    assert (merged.columns["a"], merged.columns["b"]) == ("1", "2")
    table.replace({"PartitionKey": "p", "RowKey": "r", "c": "3"}, etag)
    whole = table.get("p", "r", select=["a", "c"])
    assert whole is not None
    assert (whole.columns.get("a"), whole.columns["c"]) == (None, "3")


def test_a_delete_can_depend_on_what_was_read(table: Table) -> None:
    """With an ETag, a row that changed stays."""
    former = table.insert(ROW)
    table.put({**ROW, "a": "2"})
    with pytest.raises(Changed):
        table.delete("p", "r", former)
    assert table.delete("p", "r") is True
    assert table.delete("p", "r") is False


def test_a_refused_transaction_writes_nothing(table: Table) -> None:
    """One row that exists refuses them all."""
    table.insert(ROW)
    with pytest.raises(Changed):
        table.transact([("create", {**ROW, "RowKey": "new"}), ("create", ROW)])
    assert table.get("p", "new") is None


def test_one_row_alone_needs_no_transaction(table: Table, wired: WiredConnection) -> None:
    """One row is written by a plain request, and is refused where a transaction would be."""
    [former] = table.transact([("create", ROW)])
    [etag] = table.transact([("upsert", {**ROW, "a": "2"}, {"mode": "replace"})])
    for refused in (("create", ROW), ("update", ROW, replacing(former))):
        with pytest.raises(Changed):
            table.transact([refused])
    with pytest.raises(Changed):
        table.transact([("delete", {**ROW, "RowKey": "absent"})])
    read = table.get("p", "r")
    assert read is not None
    assert (read.columns["a"], read.etag) == ("2", etag)
    assert wired.wire.calls.count("POST $batch") == 1


def test_everything_is_found_beyond_a_page(table: Table) -> None:
    """A list longer than storage's pages of 1,000 is whole and in order."""
    names = [f"{number:04}" for number in range(1_100)]
    for start in range(0, len(names), 100):
        table.transact([("upsert", {**ROW, "RowKey": name}) for name in names[start : start + 100]])
    assert [row.columns["RowKey"] for row in table.all("PartitionKey eq @p", {"p": "p"})] == names


@pytest.mark.parametrize("position", [{}, {"elsewhere": "x"}, {"PartitionKey": "p", "RowKey": "r", "more": "x"}])
def test_a_position_of_another_kind_is_refused(table: Table, position: dict[str, str]) -> None:
    """A position that could not come from a page is the caller's mistake."""
    with pytest.raises(InvalidRequest):
        table.page("", {}, position=position, limit=1)
