"""What every store of deliveries promises."""

from datetime import timedelta

import pytest

from shared.domain.deliveries import Attempt, Delivery, DeliveryKey, DeliveryQuery, DeliveryState
from shared.domain.errors import Changed, InvalidRequest
from shared.ports.deliveries import DeliveryStore
from tests.contracts.examples import HOSTILE, delivery, key
from tests.fakes.clock import START, FakeClock

DAY = timedelta(days=1)


class DeliveryStoreContract:
    """A subclass gives the fixtures `store`, and `clock`, the one that it asks."""

    def test_a_delivery_comes_back_with_its_bytes(self, store: DeliveryStore) -> None:
        """The record and the exact bytes are kept, bytes that are no text too."""
        payload = bytes(range(256))
        store.add([(delivery(), payload)])
        assert read(store, key()) == delivery()
        assert store.payload(key()) == payload

    def test_a_delivery_of_no_account_comes_back(self, store: DeliveryStore) -> None:
        """What concerns no account is kept like any, and is found where no account is asked for."""
        of_nobody = delivery(account=None, account_key=None)
        store.add([(of_nobody, b"{}")])
        assert read(store, key()) == of_nobody
        assert store.page(DeliveryQuery(), None, 10).items == [of_nobody]
        assert store.page(DeliveryQuery(account="anna"), None, 10).items == []

    def test_what_is_not_there_is_none(self, store: DeliveryStore) -> None:
        """An unknown delivery has no record and no payload."""
        store.add([])
        assert store.get(key()) is None
        assert store.payload(key()) is None

    @pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 524_288, 524_289, 983_041, 3_000_000])
    def test_payloads_of_every_size(self, store: DeliveryStore, size: int) -> None:
        """A payload comes back byte for byte, whichever way its size makes it take."""
        payload = (b"\x00\xffmail" * (size // 6 + 1))[:size]
        store.add([(delivery(payload_bytes=size), payload)])
        assert store.payload(key()) == payload

    def test_a_delivered_one_stays(self, store: DeliveryStore) -> None:
        """A delivery that arrived is not overwritten, neither record nor payload."""
        arrived = delivery(state=DeliveryState.DELIVERED, attempts=(attempt(1),))
        store.add([(arrived, b"first")])
        store.add([(delivery(), b"second"), (delivery(key(2)), b"another")])
        assert read(store, key()) == arrived
        assert store.payload(key()) == b"first"
        assert read(store, key(2)) == delivery(key(2))

    @pytest.mark.parametrize("state", [state for state in DeliveryState if state is not DeliveryState.DELIVERED])
    def test_who_comes_late_takes_nothing_back(self, store: DeliveryStore, state: DeliveryState) -> None:
        """A delivery that went on, or ended, is not overwritten by another first attempt that failed."""
        known = delivery(state=state, attempts=(attempt(1), attempt(2)))
        store.add([(known, b"first")])
        store.add([(delivery(attempts=(attempt(1),)), b"second")])
        assert read(store, key()) == known

    def test_what_arrives_is_recorded(self, store: DeliveryStore) -> None:
        """A delivery that did not arrive yet is overwritten by one that did, with its payload."""
        store.add([(delivery(), b"x" * 200_000), (delivery(key(2)), b"2")])
        arrived = delivery(state=DeliveryState.DELIVERED)
        store.add([(delivery(key(3)), b"3"), (arrived, b"second")])
        assert read(store, key()) == arrived
        assert store.payload(key()) == b"second"
        assert [store.payload(key(number)) for number in (2, 3)] == [b"2", b"3"]

    def test_one_key_twice_in_one_call(self, store: DeliveryStore) -> None:
        """Two deliveries of one key count as one after the other."""
        arrived = delivery(state=DeliveryState.DELIVERED)
        store.add([(delivery(), b"1"), (arrived, b"2"), (delivery(), b"3")])
        assert read(store, key()) == arrived
        assert store.payload(key()) == b"2"

    def test_a_repetition_changes_nothing(self, store: DeliveryStore) -> None:
        """Adding again what was added, after a crash, ends in the same rows."""
        many = [(delivery(key(number)), b"%d" % number) for number in range(30)]
        store.add(many[:20])
        store.add(many)
        assert [read(store, key(number)) for number in range(30)] == [each for each, _ in many]
        assert [store.payload(key(number)) for number in range(30)] == [payload for _, payload in many]

    def test_the_last_reader_writes(self, store: DeliveryStore) -> None:
        """A write with an ETag that is out of date is refused; the payload stays through each."""
        store.add([(delivery(), b"bytes")])
        first = store.get(key())
        assert first is not None
        later = delivery(attempts=tuple(attempt(number) for number in range(1, 300)), reason="x" * 20_000)
        store.replace(later, first.etag)
        with pytest.raises(Changed):
            store.replace(delivery(state=DeliveryState.FAILED), first.etag)
        second = store.get(key())
        assert second is not None
        assert second.value == later
        store.replace(delivery(), second.etag)
        assert read(store, key()) == delivery()
        assert store.payload(key()) == b"bytes"

    def test_a_delivery_that_is_not_there_cannot_be_replaced(self, store: DeliveryStore) -> None:
        """A write to a delivery that nobody added is refused."""
        store.add([(delivery(), b"bytes")])
        known = store.get(key())
        assert known is not None
        with pytest.raises(Changed):
            store.replace(delivery(key(2)), known.etag)
        assert store.get(key(2)) is None

    def test_a_payload_expires(self, store: DeliveryStore, clock: FakeClock) -> None:
        """After its time a payload is not given out, and the record still is."""
        store.add([(delivery(payload_expires=START + DAY), b"bytes")])
        clock.advance(DAY)
        assert store.payload(key()) == b"bytes"
        clock.advance(timedelta(seconds=1))
        assert store.payload(key()) is None
        assert store.get(key()) is not None

    def test_pages_hold_each_once_newest_day_first(self, store: DeliveryStore) -> None:
        """Pages hold every delivery once; a newer day comes before an older one."""
        places = [key(number, ago=number * DAY / 2) for number in range(7)]
        store.add([(delivery(place), b"bytes") for place in places])
        found = walk(store, DeliveryQuery(), 3)
        assert sorted(found, key=lambda each: -each.key.moment) == [delivery(place) for place in places]
        days = [each.key.moment // 86_400_000 for each in found]
        assert days == sorted(days, reverse=True)

    def test_a_page_of_one_webhook_is_newest_first(self, store: DeliveryStore) -> None:
        """Within a webhook, pages run from the newest moment to the oldest."""
        places = [key(number, name="account-x", ago=timedelta(hours=number)) for number in (1, 2, 30)]
        store.add([(delivery(place), b"") for place in [*places, key(9)]])
        found = walk(store, DeliveryQuery(webhook="account-x"), 2)
        assert [each.key for each in found] == places

    def test_a_query_narrows(self, store: DeliveryStore) -> None:
        """A page holds what all given conditions allow, quotes and all."""
        odd = "o'hara' or state ne '\U0001f469\u200d\U0001f680"
        store.add([(delivery(key(1), account=odd), b"1"), (delivery(key(2), DeliveryState.FAILED, account=odd), b"2")])
        store.add([(delivery(key(3), DeliveryState.FAILED), b"3")])
        assert ids(store, DeliveryQuery(account=odd)) == {key(1).event_id, key(2).event_id}
        assert ids(store, DeliveryQuery(account=odd, state=DeliveryState.FAILED)) == {key(2).event_id}
        assert ids(store, DeliveryQuery(event_id=key(3).event_id)) == {key(3).event_id}
        day = {"since": START - DAY, "until": START + DAY}
        assert ids(store, DeliveryQuery(event_id=key(3).event_id, webhook=key(3).webhook, **day)) == {key(3).event_id}
        assert ids(store, DeliveryQuery(account="o")) == set()

    def test_a_query_is_bounded_in_time(self, store: DeliveryStore) -> None:
        """From `since` on and before `until`, to the millisecond, across days."""
        places = [key(number, ago=number * DAY / 2) for number in range(7)]
        store.add([(delivery(place), b"bytes") for place in places])
        since, until = START - 2 * DAY, START - DAY / 2
        bounded = walk(store, DeliveryQuery(since=since, until=until), 2)
        assert {each.key for each in bounded} == set(places[2:5])
        millisecond = timedelta(milliseconds=1)
        wider = walk(store, DeliveryQuery(since=since + millisecond, until=until + millisecond), 2)
        assert {each.key for each in wider} == set(places[1:4])

    def test_a_forged_position_is_refused(self, store: DeliveryStore) -> None:
        """A position that no page returned is the caller's mistake."""
        with pytest.raises(InvalidRequest):
            store.page(DeliveryQuery(), {"elsewhere": "1"}, 3)

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_key_finds_nothing(self, store: DeliveryStore, name: str) -> None:
        """Whatever stands in a delivery's id, it names at most its own delivery."""
        store.add([(delivery(), b"bytes")])
        for place in (key(name=name), key().model_copy(update={"event_id": name})):
            assert store.get(place) is None
            assert store.payload(place) is None
            store.add([(delivery(place), b"odd")])
            assert store.payload(place) == b"odd"
        assert store.payload(key()) == b"bytes"

    @pytest.mark.parametrize("moment", [0, -62_135_596_800_000, 10**13, 10**30])
    def test_an_absurd_moment_is_a_moment(self, store: DeliveryStore, moment: int) -> None:
        """A delivery of the year 1, or of one that no calendar has, is kept like any."""
        place = key().model_copy(update={"moment": moment})
        assert store.get(place) is None
        store.add([(delivery(place), b"bytes")])
        assert read(store, place) == delivery(place)
        assert store.payload(place) == b"bytes"


def attempt(number: int) -> Attempt:
    """Return a failed attempt."""
    return Attempt(number=number, at=START, milliseconds=12, status=500)


def read(store: DeliveryStore, of: DeliveryKey) -> Delivery | None:
    """Return the delivery without its ETag."""
    found = store.get(of)
    return found.value if found else None


def walk(store: DeliveryStore, query: DeliveryQuery, limit: int) -> list[Delivery]:
    """Return all pages, joined."""
    found: list[Delivery] = []
    position = None
    while True:
        page = store.page(query, position, limit)
        assert len(page.items) <= limit
        found += page.items
        position = page.position
        if position is None:
            return found


def ids(store: DeliveryStore, query: DeliveryQuery) -> set[str]:
    """Return the ids of the events on the first page."""
    return {each.key.event_id for each in store.page(query, None, 20).items}
