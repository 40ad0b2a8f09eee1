"""Big payloads stand in rows of their own, and never mix."""

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.payloads import PayloadTable


@pytest.fixture
def payloads(connection: StorageConnection, prefix: str) -> PayloadTable:
    """Return the store."""
    return PayloadTable(connection, prefix)


def test_two_writers_never_mix(payloads: PayloadTable) -> None:
    """Two big payloads under one key are both whole, each behind the columns that its writer got."""
    first, second = b"1" * 2_000_000, b"2" * 1_500_000
    to_first, to_second = payloads.store("202603", "day", "row", first), payloads.store("202603", "day", "row", second)
    assert payloads.load("202603", "day", "row", to_first) == first
    assert payloads.load("202603", "day", "row", to_second) == second


def test_a_payload_with_a_part_gone_is_none(payloads: PayloadTable, connection: StorageConnection, prefix: str) -> None:
    """A payload that is not whole is not given out."""
    columns = payloads.store("202603", "day", "row", b"1" * 2_000_000)
    rows = list(
        connection.tables().get_table_client(f"{prefix}payloads202603").list_entities(select=["PartitionKey", "RowKey"])
    )
    assert len(rows) == columns["payload_rows"] == 3
    connection.tables().get_table_client(f"{prefix}payloads202603").delete_entity(rows[1])
    assert payloads.load("202603", "day", "row", columns) is None


def test_a_small_payload_stays_in_its_row(payloads: PayloadTable) -> None:
    """A payload up to 512 KiB is columns of 64 KiB, and nothing is written elsewhere."""
    columns = payloads.store("202603", "day", "row", b"1" * 524_288)
    assert list(columns) == [f"p{number}" for number in range(8)]
    assert payloads.load("202603", "day", "row", columns) == b"1" * 524_288
