"""Deliveries in a table keep the promises of their port, with few requests."""

from datetime import timedelta

import pytest

from shared.adapters.storage.connection import StorageConnection
from shared.adapters.storage.tables.deliveries import DeliveryTable, keys
from shared.domain.deliveries import DeliveryKey, DeliveryQuery, DeliveryState
from shared.domain.errors import InvalidRequest, TryLater
from shared.ports.deliveries import DeliveryStore
from tests.contracts.deliveries import DeliveryStoreContract, read
from tests.contracts.examples import delivery, key
from tests.fakes.clock import START, FakeClock
from tests.fakes.storage_wire import WiredConnection


class TestOnAzurite(DeliveryStoreContract):
    """Deliveries on Azurite."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        """Return the clock that the store asks."""
        return FakeClock()

    @pytest.fixture
    def store(self, connection: StorageConnection, clock: FakeClock, prefix: str) -> DeliveryStore:
        """Return the store."""
        return DeliveryTable(connection, clock, prefix)


@pytest.fixture
def store(wired: WiredConnection, prefix: str) -> DeliveryTable:
    """Return a store whose table exists, over a wire that is watched."""
    made = DeliveryTable(wired, FakeClock(), prefix)
    made.add([(delivery(key(999)), b"{}")])
    wired.wire.calls.clear()
    return made


@pytest.mark.parametrize(("count", "size", "transactions"), [(250, 3_000, 3), (60, 100_000, 3), (12, 524_288, 3)])
def test_deliveries_travel_together(
    store: DeliveryTable, wired: WiredConnection, count: int, size: int, transactions: int
) -> None:
    """A transaction takes a hundred rows or what fits 4 MiB, whichever is less."""
    store.add([(delivery(key(number)), b"\xff" * size) for number in range(count)])
    assert wired.wire.calls == ["POST $batch"] * transactions
    assert wired.wire.largest < 4 * 1024 * 1024
    assert store.payload(key(count - 1)) == b"\xff" * size


def test_a_lost_answer_converges(store: DeliveryTable, wired: WiredConnection) -> None:
    """Deliveries whose write succeeded unseen are added again, and the outcome is the same."""
    first = [(delivery(key(number)), b"%d" % number) for number in range(20)]
    wired.wire.lose = 1
    with pytest.raises(TryLater):
        store.add(first)
    assert read(store, key(19)) == delivery(key(19))
    arrived = [(delivery(key(number), DeliveryState.DELIVERED), b"%d" % number) for number in range(20)]
    wired.wire.lose = 1
    with pytest.raises(TryLater):
        store.add(arrived)
    store.add(arrived)
    store.add(first)
    assert [read(store, key(number)) for number in range(20)] == [each for each, _ in arrived]


def test_a_repetition_costs_a_look_at_each(store: DeliveryTable, wired: WiredConnection) -> None:
    """Adding ten deliveries again costs a refused transaction and ten reads."""
    many = [(delivery(key(number)), b"{}") for number in range(10)]
    store.add(many)
    wired.wire.calls.clear()
    store.add(many)
    assert [request.partition(" ")[0] for request in wired.wire.calls] == ["POST", *["GET"] * 10]


def test_a_record_is_read_without_its_payload(store: DeliveryTable, wired: WiredConnection, prefix: str) -> None:
    """A get and a page fetch the record's columns only; a replace leaves the payload's alone."""
    store.add([(delivery(), b"x" * 200_000)])
    wired.wire.received = 0
    known = store.get(key())
    assert known is not None
    assert len(store.page(DeliveryQuery(), None, 20).items) == 2
    assert wired.wire.received < 10_000
    store.replace(delivery(state=DeliveryState.FAILED), known.etag)
    assert store.payload(key()) == b"x" * 200_000
    row = wired.tables().get_table_client(f"{prefix}deliveries202603").get_entity(*keys(key()))
    assert {name: row[name] for name in ("account", "event_id", "webhook", "state")} == {
        "account": "anna",
        "event_id": key().event_id,
        "webhook": "default",
        "state": "failed",
    }


def test_a_page_goes_on_in_the_month_before(wired: WiredConnection, prefix: str) -> None:
    """A page costs a look at which months there are, and a request for each month that it shows."""
    store = DeliveryTable(wired, FakeClock(), prefix)
    places = [key(number, ago=timedelta(days=days)) for number, days in enumerate((0, 1, 2, 70))]
    store.add([(delivery(place), b"{}") for place in places])
    wired.wire.calls.clear()
    page = store.page(DeliveryQuery(), None, 3)
    assert [item.key for item in page.items] == places[:3]
    assert wired.wire.calls == ["GET Tables", f"GET {prefix}deliveries202603()", f"GET {prefix}deliveries202602()"]
    assert page.position == {"month": "202512"}
    assert [item.key for item in store.page(DeliveryQuery(), page.position, 3).items] == places[3:]


def test_a_webhook_s_days_are_read_and_nobody_else_s(wired: WiredConnection, prefix: str) -> None:
    """What a webhook got since a moment costs a request a day of months that there are, whatever others got."""
    store = DeliveryTable(wired, FakeClock(), prefix)
    mine = [key(number, name="mine", ago=timedelta(days=days)) for number, days in enumerate((0, 2, 3, 3, 9))]
    others = [key(number) for number in range(150)]
    store.add([(delivery(place), b"{}") for place in (*mine, *others)])
    query = DeliveryQuery(webhook="mine", since=START - timedelta(days=4))
    wired.wire.calls.clear()
    first = store.page(query, None, 3)
    # The week ahead, where a clock may be that is not ours; today, and four days before, of which the page ends one.
    assert len(wired.wire.calls) == 1 + 7 + 4
    assert [item.key for item in first.items] == mine[:3]
    assert first.position is not None
    rest = store.page(query, first.position, 3)
    assert ([item.key for item in rest.items], rest.position) == (mine[3:4], None)
    parked = query.model_copy(update={"state": DeliveryState.PARKED, "until": START - timedelta(days=2)})
    assert store.page(parked, None, 3).items == []


def test_a_long_silence_is_read_a_month_at_a_time(wired: WiredConnection, prefix: str) -> None:
    """A page looks at 31 days of one webhook at most, and says where to go on."""
    store = DeliveryTable(wired, FakeClock(), prefix)
    old = key(1, name="mine", ago=timedelta(days=40))
    store.add([(delivery(place), b"{}") for place in (old, key(2), key(3, ago=timedelta(days=20)))])
    query = DeliveryQuery(webhook="mine", since=START - timedelta(days=70))
    first = store.page(query, None, 3)
    assert (first.items, first.position) == ([], {"day": "20260206"})
    assert [item.key for item in store.page(query, first.position, 3).items] == [old]


NO_DAYS: list[dict[str, str]] = [{}, {"day": "2026"}, {"day": "20260231"}, {"month": "202603"}, {"day": "x", "a": "b"}]


@pytest.mark.parametrize("position", NO_DAYS)
def test_a_position_in_no_day_is_refused(store: DeliveryTable, position: dict[str, str]) -> None:
    """A position names a day as a page does, or is the caller's mistake."""
    with pytest.raises(InvalidRequest):
        store.page(DeliveryQuery(webhook="default", since=START), position, 3)


@pytest.mark.parametrize("month", ["", "2026", "2026031", "month", "../../"])
def test_a_position_in_no_month_is_refused(store: DeliveryTable, month: str) -> None:
    """A position names a month as a page does, or is the caller's mistake."""
    with pytest.raises(InvalidRequest):
        store.page(DeliveryQuery(), {"month": month}, 3)


def test_a_look_makes_no_table(wired: WiredConnection, prefix: str) -> None:
    """Whoever asks for a delivery of any month makes no table for it."""
    store = DeliveryTable(wired, FakeClock(), prefix)
    assert store.get(key()) is None
    assert store.payload(key()) is None
    assert store.page(DeliveryQuery(), None, 3).items == []
    assert [call for call in wired.wire.calls if not call.startswith("GET")] == []


def test_keys_tell_day_and_moment_backwards() -> None:
    """A later moment has the smaller keys; the partition is the day in UTC and the webhook."""
    place = DeliveryKey(webhook="default", moment=1_772_443_800_000, event_id="id")
    assert keys(place) == ("79739697|default", "8227556199999-id")
    later = place.model_copy(update={"moment": place.moment + 1})
    assert keys(later) < keys(place)
