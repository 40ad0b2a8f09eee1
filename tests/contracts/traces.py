"""What finding and removing the traces of an account promises."""

from datetime import timedelta

import pytest

from shared.domain.accounts import account_key
from shared.domain.deliveries import DeliveryState
from shared.domain.erasures import Trace, TraceKind
from shared.domain.errors import Changed
from shared.domain.events import EventName
from shared.domain.sightings import Sighting, SightingKey
from shared.ports.deliveries import DeliveryStore
from shared.ports.state import SightingStore, TraceStore
from tests.contracts.examples import HOSTILE, account, delivery, key
from tests.fakes.clock import START

ANNA = account("anna").registration
SEEN = Sighting(folder="inbox", flags=(), labels=(), owner=ANNA)


class TraceStoreContract:
    """A subclass gives the fixture `store`, and those that it looks into: `deliveries` and `sightings`."""

    def test_deliveries_are_found_and_removed(self, store: TraceStore, deliveries: DeliveryStore) -> None:
        """An account's deliveries of any webhook and month are found page by page, and go with their payloads."""
        mine = [key(number, ago=timedelta(days=20 * number)) for number in range(5)]
        own = key(9, name="account-own")
        deliveries.add([(delivery(place), b"bytes") for place in (*mine, own)])
        deliveries.add([(delivery(key(7), account="anna2"), b"bytes"), (delivery(key(8), account=None), b"bytes")])
        found = walk(store, TraceKind.DELIVERIES, limit=2)
        assert [(each.learned, each.owner, each.farewell) for each in found] == [(START, None, False)] * 6
        store.remove(TraceKind.DELIVERIES, found)
        assert [deliveries.get(place) for place in (*mine, own)] == [None] * 6
        assert [deliveries.payload(key(number)) for number in (0, 7, 8)] == [None, b"bytes", b"bytes"]
        assert walk(store, TraceKind.DELIVERIES) == []

    def test_pages_go_on_behind_what_was_removed(self, store: TraceStore, deliveries: DeliveryStore) -> None:
        """Who removes each page before he asks for the next one meets every trace."""
        deliveries.add([(delivery(key(number)), b"bytes") for number in range(240)])
        removed, position = 0, None
        while True:
            page = store.page(TraceKind.DELIVERIES, "anna", position, 70)
            store.remove(TraceKind.DELIVERIES, page.items)
            removed, position = removed + len(page.items), page.position
            if position is None:
                break
        assert (removed, walk(store, TraceKind.DELIVERIES)) == (240, [])

    def test_a_big_payload_goes_too(self, store: TraceStore, deliveries: DeliveryStore) -> None:
        """A payload that has rows of its own goes, and another account's stays."""
        big, other = b"m" * 1_500_000, key(2)
        deliveries.add([(delivery(), big), (delivery(other, account="ben"), big)])
        for kind in TraceKind:
            store.remove(kind, walk(store, kind))
        assert deliveries.payload(key()) is None
        assert deliveries.payload(other) == big

    @pytest.mark.parametrize(
        ("state", "farewell"),
        [(state, state in {DeliveryState.RETRYING, DeliveryState.PARKED}) for state in DeliveryState],
    )
    def test_a_farewell_is_told_apart(
        self, store: TraceStore, deliveries: DeliveryStore, state: DeliveryState, *, farewell: bool
    ) -> None:
        """An `accountDeleted` that may still be delivered is a farewell, and nothing else is."""
        deliveries.add([(delivery(state=state, event=EventName.ACCOUNT_DELETED), b""), (delivery(key(2), state), b"")])
        assert sorted(each.farewell for each in walk(store, TraceKind.DELIVERIES)) == [False, farewell]

    def test_sightings_are_found_by_any_registration(self, store: TraceStore, sightings: SightingStore) -> None:
        """Sightings of all registrations under an id are found, with whose they are; others and old ones stay."""
        again = account("anna", incarnation="incarnation-2").registration
        owners = [ANNA, again, account("ben").registration, ""]
        places = [SightingKey(day=f"2026{month:02}02", name=f"name-{month}") for month in range(1, 5)]
        told = [SEEN.model_copy(update={"owner": owner}) for owner in owners]
        sightings.put(dict(zip(places, told, strict=True)))
        found = walk(store, TraceKind.SIGHTINGS, limit=1)
        assert {each.owner for each in found} == {ANNA, again}
        store.remove(TraceKind.SIGHTINGS, found)
        assert [sightings.get(place) for place in places] == [None, None, *told[2:]]

    def test_what_changed_is_not_removed(
        self, store: TraceStore, deliveries: DeliveryStore, sightings: SightingStore
    ) -> None:
        """A row that was written since it was found, or is gone, is refused and stays as it is."""
        place = SightingKey(day="20260302", name="name")
        deliveries.add([(delivery(), b"bytes")])
        sightings.put({place: SEEN})
        seen = {kind: walk(store, kind) for kind in TraceKind}
        arrived = delivery(state=DeliveryState.DELIVERED)
        deliveries.add([(arrived, b"bytes")])
        anew = SEEN.model_copy(update={"owner": f"{account_key('anna')}-new"})
        sightings.put({place: anew})
        for kind in (TraceKind.DELIVERIES, TraceKind.SIGHTINGS):
            with pytest.raises(Changed):
                store.remove(kind, seen[kind])
            now = walk(store, kind)
            assert len(now) == 1
            store.remove(kind, now)
            with pytest.raises(Changed):
                store.remove(kind, now)

    @pytest.mark.parametrize("name", HOSTILE)
    def test_a_hostile_id_finds_nothing(self, store: TraceStore, deliveries: DeliveryStore, name: str) -> None:
        """Whatever stands in an account's id, it finds at most that account's traces."""
        deliveries.add([(delivery(), b"bytes")])
        assert [list(store.page(kind, name, None, 9).items) for kind in TraceKind] == [[], [], []]


def walk(store: TraceStore, kind: TraceKind, limit: int = 500) -> list[Trace]:
    """Return all pages of anna's, joined."""
    found: list[Trace] = []
    position = None
    while True:
        page = store.page(kind, "anna", position, limit)
        assert len(page.items) <= limit
        found += page.items
        position = page.position
        if position is None:
            return found
