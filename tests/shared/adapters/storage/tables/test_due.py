"""The due index in a table keeps the promises of its port, with few requests."""

from datetime import timedelta

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.due import DueTable, keys
from shared.domain.due import DueKind
from shared.domain.errors import TryLater
from shared.ports.state import DueStore
from tests.contracts.due import HOUR, LAST, DueStoreContract, due
from tests.fakes.storage_wire import WiredConnection


class TestOnAzurite(DueStoreContract):
    """The due index on Azurite."""

    @pytest.fixture
    def store(self, connection: StorageConnection, prefix: str) -> DueStore:
        """Return the store."""
        return DueTable(connection, prefix)


@pytest.fixture
def store(wired: WiredConnection, prefix: str) -> DueTable:
    """Return a store whose table exists, over a wire that is watched."""
    made = DueTable(wired, prefix)
    made.put(due(-1))
    wired.wire.calls.clear()
    return made


def test_a_tick_with_nothing_due_is_one_request(store: DueTable, wired: WiredConnection) -> None:
    """An hour in which nothing is due costs one request, however much is due in others and later in this one."""
    for number in range(20):
        store.put(due(1801 + number))
        store.put(due(3600 + number))
    wired.wire.calls.clear()
    assert store.within(HOUR, HOUR + timedelta(minutes=30), 1000) == []
    assert len(wired.wire.calls) == 1


def test_a_tick_after_a_year_is_two_requests(store: DueTable, wired: WiredConnection) -> None:
    """However many hours went by with nothing due, they cost one request, and the last hour another."""
    assert store.within(HOUR - timedelta(days=400), HOUR - timedelta(hours=2), 1000) == []
    assert len(wired.wire.calls) == 2


def test_a_thousand_entries_are_a_request(store: DueTable, wired: WiredConnection, prefix: str) -> None:
    """Reading costs a request for each 1,000 rows, removing one for each 100."""
    table = wired.tables().get_table_client(f"{prefix}due")
    store.put(due(0))
    entry = table.get_entity(*keys(due(0)))
    rows = [{**entry, "RowKey": keys(due(0, subject=f"account-{number}"))[1]} for number in range(1100)]
    for start in range(0, len(rows), 100):
        table.submit_transaction([("upsert", row) for row in rows[start : start + 100]])
    wired.wire.calls.clear()
    assert len(store.within(HOUR, LAST, 1000)) == 1000
    assert len(wired.wire.calls) == 1
    assert len(store.within(HOUR, LAST, 5000)) == 1101
    assert len(wired.wire.calls) == 3
    wired.wire.calls.clear()
    store.remove([due(0, subject=f"account-{number}") for number in range(1100)])
    assert wired.wire.calls == ["POST $batch"] * 11
    assert store.within(HOUR, LAST, 1000) == [due(0)]


def test_a_lost_answer_is_made_good(store: DueTable, wired: WiredConnection) -> None:
    """A removal whose answer was lost is repeated, and ends the same; the entry that came meanwhile stays."""
    entries = [due(number) for number in range(3)]
    for entry in [*entries, due(9)]:
        store.put(entry)
    wired.wire.lose = 1
    with pytest.raises(TryLater):
        store.remove(entries)
    store.remove(entries)
    assert store.within(HOUR, LAST, 10) == [due(9)]


def test_keys_tell_the_moment() -> None:
    """The partition is the hour in UTC; the row begins with the moment in it, and shows no registration's id."""
    partition, row = keys(due(1805.25, kind=DueKind.SWEEP))
    assert partition == "2026030209"
    assert row.startswith("3005250000-sweep-anna-")
    assert "incarnation" not in row
    assert keys(due(1805.25, incarnation=None))[1] == "3005250000-renew-anna-"
    assert keys(due(5)) < keys(due(5.000001)) < keys(due(60)) < keys(due(3600))
