"""What letting go of what is old promises."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.deliveries import DeliveryKey, DeliveryQuery
from shared.domain.sightings import Sighting, SightingKey
from shared.ports.deliveries import DeliveryStore
from shared.ports.state import PoisonStore, Retention, SightingStore
from tests.contracts.examples import delivery, key
from tests.contracts.poison import poisoned
from tests.fakes.clock import START

SEEN = Sighting(folder="inbox", flags=(), labels=())
LAST_OF_JANUARY = datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)
FIRST_OF_FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)


class RetentionContract:
    """A subclass gives the fixture `retention`, and the stores that it empties: `deliveries`, `sightings`, `poison`."""

    @pytest.mark.parametrize("before", [FIRST_OF_FEBRUARY, datetime(2026, 2, 28, tzinfo=UTC)])
    def test_whole_months_go(
        self, retention: Retention, deliveries: DeliveryStore, sightings: SightingStore, before: datetime
    ) -> None:
        """What lies in a month that is over goes, rows of any state; its neighbour from a second later stays."""
        fill(deliveries, sightings, LAST_OF_JANUARY, FIRST_OF_FEBRUARY, datetime(2025, 6, 3, tzinfo=UTC))
        assert retention.purge(before) == 4
        assert [found.key for found in deliveries.page(DeliveryQuery(), None, 20).items] == [place(FIRST_OF_FEBRUARY)]
        assert deliveries.get(place(LAST_OF_JANUARY)) is None
        assert deliveries.payload(place(LAST_OF_JANUARY)) is None
        assert deliveries.payload(place(FIRST_OF_FEBRUARY)) == b"bytes"
        assert sightings.get(sighting(LAST_OF_JANUARY)) is None
        assert sightings.get(sighting(FIRST_OF_FEBRUARY)) == SEEN

    def test_poison_goes_with_its_month(self, retention: Retention, poison: PoisonStore) -> None:
        """What was given up goes with the month in which that was, requeued or not; a page goes on."""
        old = poisoned(1, given_up=LAST_OF_JANUARY - timedelta(days=1))
        for each in (old, poisoned(2, given_up=LAST_OF_JANUARY, requeued=START), poisoned(3), poisoned(4)):
            poison.keep(each)
        assert [each.message[-1] for each in poison.page(None, 9).items] == ["4", "3", "2", "1"]
        first = poison.page(None, 1)
        assert retention.purge(FIRST_OF_FEBRUARY) == 1
        assert poison.get(old.id) is None
        assert [each.message[-1] for each in poison.page(first.position, 9).items] == ["3"]

    def test_a_month_that_is_not_over_stays(
        self, retention: Retention, deliveries: DeliveryStore, sightings: SightingStore
    ) -> None:
        """Nothing of a month goes before all of it may."""
        fill(deliveries, sightings, datetime(2026, 1, 1, tzinfo=UTC))
        assert retention.purge(LAST_OF_JANUARY) == 0
        assert deliveries.payload(place(datetime(2026, 1, 1, tzinfo=UTC))) == b"bytes"

    def test_a_second_purge_finds_nothing(
        self, retention: Retention, deliveries: DeliveryStore, sightings: SightingStore
    ) -> None:
        """A purge may be repeated, before anything was stored too."""
        assert retention.purge(FIRST_OF_FEBRUARY) == 0
        fill(deliveries, sightings, LAST_OF_JANUARY)
        assert [retention.purge(FIRST_OF_FEBRUARY) for _ in range(2)] == [2, 0]

    def test_a_page_goes_on_after_a_purge(
        self, retention: Retention, deliveries: DeliveryStore, sightings: SightingStore
    ) -> None:
        """A reader whose next page was purged is at the end."""
        fill(deliveries, sightings, FIRST_OF_FEBRUARY, LAST_OF_JANUARY)
        page = deliveries.page(DeliveryQuery(), None, 1)
        assert page.position is not None
        retention.purge(FIRST_OF_FEBRUARY)
        rest = deliveries.page(DeliveryQuery(), page.position, 1)
        assert (list(rest.items), rest.position) == ([], None)


def place(moment: datetime) -> DeliveryKey:
    """Return the key of the delivery of *moment*."""
    return key().model_copy(update={"moment": int(moment.timestamp() * 1000)})


def sighting(moment: datetime) -> SightingKey:
    """Return the key of the sighting of *moment*."""
    return SightingKey(day=moment.strftime("%Y%m%d"), name="name")


def fill(deliveries: DeliveryStore, sightings: SightingStore, *moments: datetime) -> None:
    """Store a delivery and a sighting of each moment."""
    deliveries.add([(delivery(place(moment)), b"bytes") for moment in moments])
    sightings.put({sighting(moment): SEEN for moment in moments})
