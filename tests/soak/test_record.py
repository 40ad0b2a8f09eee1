"""The record tells how an event got there."""

from collections import Counter

import pytest

from soak.record import CATCH_UP, NOTIFICATION, SWEEP, Record, looks_of
from tests.factories import a_delivery
from tests.faults.customer import Answer, Arrival

LINES = [
    {"event": "account.registered", "account": "m0", "correlation": "registration"},
    {"event": "notifications.accepted", "correlation": "posted"},
    {"event": "account.swept", "account": "m0", "correlation": "in turn", "asked": False, "patience": 240.0},
    {"event": "account.swept", "account": "m0", "correlation": "asked", "asked": True, "patience": 0.0},
    {"event": "sweeps.ended", "accounts": 20},
]


@pytest.mark.parametrize(
    ("correlation", "path"),
    [("posted", NOTIFICATION), ("in turn", SWEEP), ("asked", CATCH_UP), ("registration", CATCH_UP)],
)
def test_an_event_came_by_what_found_it(correlation: str, path: str) -> None:
    """The path of an event is that of the notification or the look whose correlation its delivery has."""
    delivery = a_delivery(correlation=correlation)
    record = Record({delivery.key.event_id: delivery}, looks_of(LINES), Counter())
    arrival = Arrival(3.0, delivery.key.event_id, 1, "messageNew", "m0", {}, b"{}", None, Answer())
    assert record.path(arrival) == path
