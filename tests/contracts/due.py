"""What every due index and every store of cursors promises."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.domain.due import Due, DueKind, Heartbeat
from shared.domain.errors import Changed
from shared.ports.records import Stored
from shared.ports.state import CursorStore, DueStore
from tests.contracts.examples import HOSTILE
from tests.fakes.clock import START

HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)
END = HOUR + timedelta(hours=1)
LAST = END - timedelta(microseconds=1)


class DueStoreContract:
    """A subclass gives the fixture `store`."""

    def test_it_is_read_up_to_a_moment(self, store: DueStore) -> None:
        """What is due comes back as it was, the earliest first, from an hour on up to a moment and with it."""
        wanted = [due(second) for second in (0, 59.999999, 60, 1800.5)]
        others = [due(-0.000001), due(1800.500001), due(3600)]
        for entry in reversed(wanted + others):
            store.put(entry)
        assert store.within(HOUR, wanted[-1].at, 10) == wanted
        assert store.within(HOUR + timedelta(minutes=7), LAST, 10) == [*wanted, others[1]]
        assert store.within(END, END, 10) == [others[2]]
        assert store.within(HOUR - timedelta(days=400), END + timedelta(days=1), 10) == sorted(
            wanted + others, key=lambda entry: entry.at
        )

    def test_pages_go_over_hours(self, store: DueStore) -> None:
        """A limited read goes on in the next hours, those without an entry between them, and in the last one."""
        entries = [due(seconds) for seconds in (-90000, -3000, -2000, 60, 61, 5000)]
        store.put_all(entries)
        pages = []
        while page := store.within(entries[0].at, entries[-1].at, 4):
            pages.append(page)
            store.remove(page)
        assert pages == [entries[:4], entries[4:]]

    def test_an_empty_hour_is_empty(self, store: DueStore) -> None:
        """Nothing is due where nothing was put, and removing nothing is fine."""
        assert store.within(HOUR, END, 1000) == []
        store.remove([])
        store.remove([due(1)])

    def test_an_entry_is_put_once(self, store: DueStore) -> None:
        """The same entry a second time is one entry; another kind, subject, registration or moment is another."""
        entries = [
            due(1, incarnation=None),
            due(1),
            due(1, incarnation="incarnation-2"),
            due(1, kind=DueKind.SWEEP),
            due(1, subject="berta"),
            due(1.000001),
        ]
        for entry in entries * 2:
            store.put(entry)
        assert set(store.within(HOUR, END, 100)) == set(entries)
        assert len(store.within(HOUR, END, 100)) == len(entries)

    def test_entries_are_put_at_once(self, store: DueStore) -> None:
        """Entries of several hours are put together, those named twice and those that are there already too."""
        entries = [due(number * 20) for number in range(250)]
        store.put(entries[7])
        store.put_all([])
        store.put_all([entries[0], *entries])
        assert store.within(HOUR, LAST, 1000) == entries[:180]
        assert store.within(END, END + timedelta(days=1), 1000) == entries[180:]

    def test_a_limit_leaves_the_later_ones(self, store: DueStore) -> None:
        """A limited read returns the earliest; with these removed, the next read returns those after them."""
        entries = [due(number) for number in range(7)]
        for entry in entries:
            store.put(entry)
        for start in (0, 3, 6):
            read = store.within(HOUR, END, 3)
            assert read == entries[start : start + 3]
            store.remove(read)
        assert store.within(HOUR, END, 3) == []

    def test_entries_of_several_hours_go_at_once(self, store: DueStore) -> None:
        """Any entries are removed together, those named twice and those that are gone too; others stay."""
        entries = [due(number * 20) for number in range(250)]
        for entry in entries:
            store.put(entry)
        store.remove([entries[5]])
        store.remove([entries[0], *entries[:240], due(9, subject="nobody")])
        assert store.within(HOUR, END + timedelta(days=1), 1000) == entries[240:]

    def test_a_moment_is_one_in_every_zone(self, store: DueStore) -> None:
        """An entry is found in its hour of UTC, whichever offset its moment was written with."""
        written = due(60).model_copy(update={"at": due(60).at.astimezone(timezone(timedelta(hours=5, minutes=30)))})
        store.put(written)
        assert store.within(HOUR, END, 10) == [written]
        store.remove([due(60)])
        assert store.within(HOUR, END, 10) == []

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_names_are_names(self, store: DueStore, name: str) -> None:
        """Whatever stands in a subject or a registration, the entry is itself and no other."""
        hostile = due(1, subject=name, incarnation=name)
        store.put(due(1))
        store.put(hostile)
        assert hostile in store.within(HOUR, END, 10)
        store.remove([hostile])
        assert store.within(HOUR, END, 10) == [due(1)]

    def test_the_last_heartbeat_counts(self, store: DueStore) -> None:
        """A heartbeat is overwritten, and is never due."""
        assert store.heartbeat() is None
        first = store.beat(Heartbeat(until=HOUR), None)
        last = store.beat(Heartbeat(until=START, claimed=END), first)
        assert store.heartbeat() == Stored(Heartbeat(until=START, claimed=END), last)
        assert store.within(HOUR, END, 10) == []

    def test_of_two_heartbeats_one_counts(self, store: DueStore) -> None:
        """Who did not read the last heartbeat cannot overwrite it."""
        first = store.beat(Heartbeat(until=HOUR), None)
        last = store.beat(Heartbeat(until=START), first)
        for stale in (None, first):
            with pytest.raises(Changed):
                store.beat(Heartbeat(until=END), stale)
        assert store.heartbeat() == Stored(Heartbeat(until=START), last)


class CursorStoreContract:
    """A subclass gives the fixture `store`."""

    def test_the_last_links_count(self, store: CursorStore) -> None:
        """Links are overwritten as a whole, for one account only."""
        assert store.get("anna") == {}
        store.put("anna", {"inbox": "https://graph.example/1", "archive": "https://graph.example/2"})
        store.put("berta", {"inbox": "https://graph.example/3"})
        store.put("anna", {"inbox": "https://graph.example/4"})
        assert store.get("anna") == {"inbox": "https://graph.example/4"}
        assert store.get("berta") == {"inbox": "https://graph.example/3"}

    def test_what_was_read_is_a_copy(self, store: CursorStore) -> None:
        """Changing what was read changes nothing that is kept."""
        store.put("anna", {"inbox": "link"})
        store.get("anna")["inbox"] = "another"
        assert store.get("anna") == {"inbox": "link"}

    @pytest.mark.parametrize("name", HOSTILE)
    def test_hostile_names_are_names(self, store: CursorStore, name: str) -> None:
        """Whatever stands in a key or a folder's name, it is kept as it is."""
        store.put(name, {name: "link"})
        assert store.get(name) == {name: "link"}
        assert store.get(f"{name}.") == {}


def due(second: float, /, **changes: object) -> Due:
    """Return an entry that is due so many seconds into the hour."""
    values = {"kind": DueKind.RENEW, "subject": "anna", "at": HOUR + timedelta(seconds=second)}
    return Due.model_validate({**values, "incarnation": "incarnation-1", **changes})
